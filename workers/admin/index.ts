import { adminApp } from './app.ts'

export default adminApp
