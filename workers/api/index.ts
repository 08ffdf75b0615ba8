import { apiApp } from './app.ts'

export default apiApp
