import { requestOperations } from '#shared/contracts/api/requests.ts'
import { endpoint } from '../endpoint.ts'
import { exportRequests } from '../usage/export-requests.ts'
import { searchRequests } from '../usage/search-requests.ts'
import { showRequest } from '../usage/show-request.ts'

export const requestEndpoints = [
  endpoint(requestOperations.list, ({ surroundings, scope, query }) => searchRequests(surroundings.db, scope, query)),
  endpoint(requestOperations.export, ({ surroundings, scope, query }) => exportRequests(surroundings.db, scope, query)),
  endpoint(requestOperations.read, ({ surroundings, scope, params }) => showRequest(surroundings.db, scope, params.requestId)),
]
