import { type GoogleError, invalidArgument } from './errors.ts'
import { partDataNames } from './messages.ts'
import type { Content, FunctionDeclaration, GenerateRequest, GenerationConfig, Part } from './requests.ts'

/** Judges what the fields of a well-formed request say together, as the model's side of the API does. */
export function checkGenerate(request: GenerateRequest): GoogleError | null {
  const faults = [
    ...checkContents('GenerateContentRequest', request.contents),
    ...checkConfig(request.generationConfig ?? {}),
    ...checkTools(request),
    ...checkSafety(request),
  ]
  if (faults.length > 0) return invalidArgument(faults.join(''))
  const text = checkCombinations(request) ?? checkTurns(request.contents ?? [])
  return text === null ? null : invalidArgument(text)
}

/** One line of the list in which Google tells what is wrong with the fields. */
export function fieldFault(field: string, text: string): string {
  return `* ${field}: ${text}\n`
}

export function checkContents(requestName: string, contents: readonly Content[] | undefined): string[] {
  if (!contents?.length) return [fieldFault(`${requestName}.contents`, 'contents is not specified')]
  return contents.flatMap((content, index) => checkContent(`${requestName}.contents[${index}]`, content))
}

export function checkContent(at: string, { parts = [] }: Content): string[] {
  if (parts.length === 0) return [fieldFault(`${at}.parts`, 'contents.parts must not be empty.')]
  return parts.flatMap((part, index) => checkPart(`${at}.parts[${index}]`, part))
}

function checkPart(at: string, part: Part): string[] {
  if (!partDataNames.some((name) => name in part)) {
    return [fieldFault(`${at}.data`, "required oneof field 'data' must have one initialized field")]
  }
  if (part.functionCall && !part.functionCall.name) return [fieldFault(`${at}.function_call.name`, 'Name cannot be empty.')]
  if (part.functionResponse && !part.functionResponse.name) return [fieldFault(`${at}.function_response.name`, 'Name cannot be empty.')]
  if (part.inlineData && !part.inlineData.mimeType) return [fieldFault(`${at}.inline_data.mime_type`, 'must be specified.')]
  if (part.fileData && !part.fileData.fileUri) return [fieldFault(`${at}.file_data.file_uri`, 'must be specified.')]
  return []
}

const mimeTypes = ['text/plain', 'application/json', 'application/xml', 'application/yaml', 'text/x.enum']

type Range = [name: string, value: number | undefined, min: number, max: number]

function checkConfig(config: GenerationConfig): string[] {
  const faults: string[] = []
  const refuse = (name: string, text: string): void => {
    faults.push(fieldFault(`GenerateContentRequest.generation_config.${name}`, text))
  }
  const ranges: Range[] = [
    ['temperature', config.temperature, 0, 2],
    ['top_p', config.topP, 0, 1],
    ['top_k', config.topK, 1, Number.MAX_SAFE_INTEGER],
    ['candidate_count', config.candidateCount, 1, 8],
    ['max_output_tokens', config.maxOutputTokens, 1, Number.MAX_SAFE_INTEGER],
    ['presence_penalty', config.presencePenalty, -2, 2],
    ['frequency_penalty', config.frequencyPenalty, -2, 2],
    ['logprobs', config.logprobs, 0, 20],
    ['thinking_config.thinking_budget', config.thinkingConfig?.thinkingBudget, -1, 65_536],
  ]
  for (const [name, value, min, max] of ranges) {
    if (value !== undefined && !(value >= min && value <= max)) refuse(name, `${name} must be in the range [${min}, ${max}].`)
  }
  if ((config.stopSequences?.length ?? 0) > 5) refuse('stop_sequences', 'must contain at most 5 sequences.')
  const mimeType = config.responseMimeType ?? 'text/plain'
  if (!mimeTypes.includes(mimeType)) {
    refuse('response_mime_type', `allowed mimetypes are ${mimeTypes.map((name) => `\`${name}\``).join(', ')}.`)
  }
  if (mimeType === 'text/plain') {
    if (config.responseSchema) refuse('response_schema', 'only allowed when `response_mime_type` is set to `application/json`.')
    if (config.responseJsonSchema) refuse('response_json_schema', 'only allowed when `response_mime_type` is set to `application/json`.')
  }
  return faults
}

const functionName = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/

function checkTools({ tools = [], toolConfig }: GenerateRequest): string[] {
  const faults: string[] = []
  const names = new Set<string>()
  for (const [at, { name = '' }] of declarations(tools)) {
    if (!functionName.test(name)) faults.push(fieldFault(`${at}.name`, 'Invalid function name. Must start with a letter or an underscore.'))
    else if (names.has(name)) faults.push(fieldFault(`${at}.name`, `Duplicate function declaration found: ${name}`))
    names.add(name)
  }
  const at = 'GenerateContentRequest.tool_config.function_calling_config'
  const { mode = 'AUTO', allowedFunctionNames = [] } = toolConfig?.functionCallingConfig ?? {}
  if (mode === 'ANY' && names.size === 0) faults.push(fieldFault(at, 'Function calling config is set without function_declarations.'))
  if (allowedFunctionNames.length > 0 && mode !== 'ANY' && mode !== 'VALIDATED') {
    faults.push(fieldFault(`${at}.allowed_function_names`, 'only allowed when function calling mode is ANY.'))
  }
  for (const name of allowedFunctionNames) {
    if (!names.has(name)) faults.push(fieldFault(`${at}.allowed_function_names`, `"${name}" is not a declared function.`))
  }
  return faults
}

function declarations(tools: NonNullable<GenerateRequest['tools']>): [at: string, declaration: FunctionDeclaration][] {
  return tools.flatMap(({ functionDeclarations = [] }, index) =>
    functionDeclarations.map((declaration, position): [string, FunctionDeclaration] => [
      `GenerateContentRequest.tools[${index}].function_declarations[${position}]`,
      declaration,
    ]),
  )
}

function checkSafety({ safetySettings = [] }: GenerateRequest): string[] {
  const categories = safetySettings.map(({ category }) => category)
  const hasTwice = new Set(categories).size < categories.length
  return hasTwice ? [fieldFault('GenerateContentRequest.safety_settings', 'only one setting is allowed for each category.')] : []
}

function checkCombinations(request: GenerateRequest): string | null {
  const { generationConfig = {}, tools = [], cachedContent, contents = [] } = request
  const { thinkingConfig = {}, responseMimeType } = generationConfig
  if (contents.some(({ role = 'user' }) => role !== 'user' && role !== 'model')) return 'Please use a valid role: user, model.'
  if (generationConfig.responseSchema && generationConfig.responseJsonSchema) {
    return 'Only one of response_schema and response_json_schema may be set.'
  }
  if (responseMimeType === 'application/json' && declarations(tools).length > 0) {
    return "Function calling with a response mime type: 'application/json' is unsupported"
  }
  if (generationConfig.logprobs !== undefined && !generationConfig.responseLogprobs) {
    return 'Logprobs should only be set when response_logprobs is true.'
  }
  if (thinkingConfig.thinkingBudget !== undefined && thinkingConfig.thinkingLevel !== undefined) {
    return 'You can only set only one of thinking budget and thinking level.'
  }
  if (thinkingConfig.includeThoughts && thinkingConfig.thinkingBudget === 0) {
    return 'Thinking_config.include_thoughts is only enabled when thinking is enabled.'
  }
  if (cachedContent === undefined) return null
  if (!/^cachedContents\/[a-z0-9-]+$/.test(cachedContent)) return 'Invalid CachedContent name. Expected: cachedContents/{id}.'
  const isFrozen = request.systemInstruction ?? request.tools ?? request.toolConfig
  return isFrozen ? 'CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.' : null
}

/** A call stands behind a turn of the user, and its responses, as many as its calls, right behind it. */
function checkTurns(contents: readonly Content[]): string | null {
  let openCalls = 0
  for (const [index, { role, parts = [] }] of contents.entries()) {
    const calls = parts.filter((part) => part.functionCall).length
    const responses = parts.filter((part) => part.functionResponse).length
    if (responses > 0 && openCalls === 0) return 'Please ensure that function response turn comes immediately after a function call turn.'
    if (openCalls !== responses) {
      return 'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.'
    }
    if (calls > 0 && (role !== 'model' || index === 0 || contents[index - 1]?.role === 'model')) {
      return 'Please ensure that function call turn comes immediately after a user turn or after a function response turn.'
    }
    openCalls = calls
  }
  return null
}
