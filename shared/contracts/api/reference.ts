import { operation } from './operation.ts'

export const referenceOperations = {
  document: operation({
    id: 'reference.document',
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    summary: 'This description (OpenAPI 3.1)',
    media: 'application/json',
  }),
  page: operation({
    id: 'reference.page',
    method: 'GET',
    path: '/reference',
    access: 'public',
    summary: 'This description as a page, from which operations can be tried out',
    media: 'text/html',
  }),
  file: operation({
    id: 'reference.file',
    method: 'GET',
    path: '/reference/:referenceFile',
    access: 'public',
    summary: 'What the page consists of',
    media: 'application/octet-stream',
  }),
}
