/** The model the examples call; the seed sells it through the scripted upstream. */
export const exampleModel = 'gpt-relay-fast'
