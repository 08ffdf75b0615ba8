import { z } from 'zod'

/** How a request ends badly (RFC 9457, `application/problem+json`). `code` is for programs, `title` and `detail` are for people. */
export const ProblemAnswer = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  /** Names the request to support. */
  requestId: z.string(),
  /** What is wrong with the request: a JSON pointer into the body as a URI fragment, or the name of a parameter. */
  errors: z.array(z.object({ pointer: z.string().optional(), parameter: z.string().optional(), detail: z.string() })).optional(),
})
export type ProblemAnswer = z.infer<typeof ProblemAnswer>
