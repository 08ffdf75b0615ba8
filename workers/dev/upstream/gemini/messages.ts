import {
  anyValue,
  bytes,
  choice,
  decimal,
  duration,
  type Field,
  flag,
  int32,
  int64,
  later,
  list,
  mapOf,
  mapped,
  message,
  struct,
  text,
} from './proto-json.ts'

// The JSON form of the messages that Google publishes as google.ai.generativelanguage.v1beta.

// JSON Schema writes types in small letters, and the generator of answers reads schemas in that form.
const schemaType = mapped(choice('Type', 'TYPE_UNSPECIFIED', 'STRING', 'NUMBER', 'INTEGER', 'BOOLEAN', 'ARRAY', 'OBJECT', 'NULL'), (type) =>
  String(type).toLowerCase(),
)

const schema: Field = message('Schema', {
  type: schemaType,
  format: text,
  title: text,
  description: text,
  nullable: flag,
  enum: list(text),
  items: later(() => schema),
  maxItems: int64,
  minItems: int64,
  properties: mapOf(later(() => schema)),
  required: list(text),
  minProperties: int64,
  maxProperties: int64,
  minLength: int64,
  maxLength: int64,
  pattern: text,
  example: anyValue,
  anyOf: list(later(() => schema)),
  propertyOrdering: list(text),
  default: anyValue,
  minimum: decimal,
  maximum: decimal,
})

const blob = message('Blob', { mimeType: text, data: bytes })
const scheduling = choice('FunctionResponse.Scheduling', 'SCHEDULING_UNSPECIFIED', 'SILENT', 'WHEN_IDLE', 'INTERRUPT')
const toolType = choice(
  'ToolType',
  'TOOL_TYPE_UNSPECIFIED',
  'GOOGLE_SEARCH_WEB',
  'GOOGLE_SEARCH_IMAGE',
  'URL_CONTEXT',
  'GOOGLE_MAPS',
  'FILE_SEARCH',
)
const partResolutions = ['UNSPECIFIED', 'LOW', 'MEDIUM', 'HIGH', 'ULTRA_HIGH'].map((level) => `MEDIA_RESOLUTION_${level}`)

/** A part says one of these. */
const partData: Readonly<Record<string, Field>> = {
  text,
  inlineData: blob,
  fileData: message('FileData', { mimeType: text, fileUri: text }),
  functionCall: message('FunctionCall', { id: text, name: text, args: struct }),
  functionResponse: message('FunctionResponse', {
    id: text,
    name: text,
    response: struct,
    parts: list(message('FunctionResponsePart', { inlineData: message('FunctionResponseBlob', { mimeType: text, data: bytes }) })),
    willContinue: flag,
    scheduling,
  }),
  executableCode: message('ExecutableCode', {
    id: text,
    language: choice('ExecutableCode.Language', 'LANGUAGE_UNSPECIFIED', 'PYTHON'),
    code: text,
  }),
  codeExecutionResult: message('CodeExecutionResult', {
    id: text,
    outcome: choice('CodeExecutionResult.Outcome', 'OUTCOME_UNSPECIFIED', 'OUTCOME_OK', 'OUTCOME_FAILED', 'OUTCOME_DEADLINE_EXCEEDED'),
    output: text,
  }),
  toolCall: message('ToolCall', { id: text, toolType, args: struct }),
  toolResponse: message('ToolResponse', { id: text, toolType, response: struct }),
}
export const partDataNames: readonly string[] = Object.keys(partData)

const part = message(
  'Part',
  {
    ...partData,
    thought: flag,
    thoughtSignature: bytes,
    videoMetadata: message('VideoMetadata', { startOffset: duration, endOffset: duration, fps: decimal }),
    mediaResolution: message('MediaResolution', { level: choice('MediaResolution.Level', ...partResolutions), numTokens: int32 }),
    partMetadata: struct,
  },
  partDataNames,
)

const content = message('Content', { parts: list(part), role: text })

const functionDeclaration = message('FunctionDeclaration', {
  name: text,
  description: text,
  behavior: choice('FunctionDeclaration.Behavior', 'UNSPECIFIED', 'BLOCKING', 'NON_BLOCKING'),
  parameters: schema,
  parametersJsonSchema: anyValue,
  response: schema,
  responseJsonSchema: anyValue,
})

const empty = message('Empty', {})
const dynamicRetrieval = message('DynamicRetrievalConfig', {
  mode: choice('DynamicRetrievalConfig.Mode', 'MODE_UNSPECIFIED', 'MODE_DYNAMIC'),
  dynamicThreshold: decimal,
})
const transport = message('StreamableHttpTransport', {
  url: text,
  headers: mapOf(text),
  timeout: duration,
  sseReadTimeout: duration,
  terminateOnClose: flag,
})

const tool = message('Tool', {
  functionDeclarations: list(functionDeclaration),
  googleSearch: message('GoogleSearch', {
    timeRangeFilter: message('Interval', { startTime: text, endTime: text }),
    searchTypes: message('GoogleSearch.SearchTypes', { webSearch: empty, imageSearch: empty }),
  }),
  googleSearchRetrieval: message('GoogleSearchRetrieval', { dynamicRetrievalConfig: dynamicRetrieval }),
  codeExecution: empty,
  urlContext: empty,
  googleMaps: message('GoogleMaps', { enableWidget: flag }),
  fileSearch: message('FileSearch', { fileSearchStoreNames: list(text), metadataFilter: text, topK: int32 }),
  computerUse: message('ComputerUse', {
    environment: choice(
      'ComputerUse.Environment',
      'ENVIRONMENT_UNSPECIFIED',
      'ENVIRONMENT_BROWSER',
      'ENVIRONMENT_MOBILE',
      'ENVIRONMENT_DESKTOP',
    ),
    excludedPredefinedFunctions: list(text),
    enablePromptInjectionDetection: flag,
  }),
  mcpServers: list(message('McpServer', { name: text, streamableHttpTransport: transport })),
})

const toolConfig = message('ToolConfig', {
  functionCallingConfig: message('FunctionCallingConfig', {
    mode: choice('FunctionCallingConfig.Mode', 'MODE_UNSPECIFIED', 'AUTO', 'ANY', 'NONE', 'VALIDATED'),
    allowedFunctionNames: list(text),
  }),
  retrievalConfig: message('RetrievalConfig', {
    latLng: message('LatLng', { latitude: decimal, longitude: decimal }),
    languageCode: text,
  }),
  includeServerSideToolInvocations: flag,
})

const harms = ['HARASSMENT', 'HATE_SPEECH', 'SEXUALLY_EXPLICIT', 'DANGEROUS_CONTENT', 'CIVIC_INTEGRITY']
const safetySetting = message('SafetySetting', {
  category: choice('HarmCategory', 'HARM_CATEGORY_UNSPECIFIED', ...harms.map((harm) => `HARM_CATEGORY_${harm}`)),
  threshold: choice(
    'SafetySetting.HarmBlockThreshold',
    'HARM_BLOCK_THRESHOLD_UNSPECIFIED',
    'BLOCK_LOW_AND_ABOVE',
    'BLOCK_MEDIUM_AND_ABOVE',
    'BLOCK_ONLY_HIGH',
    'BLOCK_NONE',
    'OFF',
  ),
})

const voice = message('VoiceConfig', { prebuiltVoiceConfig: message('PrebuiltVoiceConfig', { voiceName: text }) })
const speakerVoice = message('SpeakerVoiceConfig', { speaker: text, voiceConfig: voice })
const resolutions = ['UNSPECIFIED', 'LOW', 'MEDIUM', 'HIGH'].map((level) => `MEDIA_RESOLUTION_${level}`)

const generationConfig = message('GenerationConfig', {
  candidateCount: int32,
  stopSequences: list(text),
  maxOutputTokens: int32,
  temperature: decimal,
  topP: decimal,
  topK: int32,
  seed: int32,
  responseMimeType: text,
  responseSchema: schema,
  responseJsonSchema: anyValue,
  presencePenalty: decimal,
  frequencyPenalty: decimal,
  responseLogprobs: flag,
  logprobs: int32,
  enableEnhancedCivicAnswers: flag,
  responseModalities: list(choice('GenerationConfig.Modality', 'MODALITY_UNSPECIFIED', 'TEXT', 'IMAGE', 'AUDIO', 'VIDEO')),
  speechConfig: message('SpeechConfig', {
    voiceConfig: voice,
    multiSpeakerVoiceConfig: message('MultiSpeakerVoiceConfig', { speakerVoiceConfigs: list(speakerVoice) }),
    languageCode: text,
  }),
  thinkingConfig: message('ThinkingConfig', {
    includeThoughts: flag,
    thinkingBudget: int32,
    thinkingLevel: choice('ThinkingConfig.ThinkingLevel', 'THINKING_LEVEL_UNSPECIFIED', 'LOW', 'MEDIUM', 'HIGH', 'MINIMAL'),
  }),
  imageConfig: message('ImageConfig', { aspectRatio: text, imageSize: text }),
  mediaResolution: choice('GenerationConfig.MediaResolution', ...resolutions),
})

export const generateContentRequest: Field = message('GenerateContentRequest', {
  model: text,
  contents: list(content),
  systemInstruction: content,
  tools: list(tool),
  toolConfig,
  safetySettings: list(safetySetting),
  generationConfig,
  cachedContent: text,
  serviceTier: choice('ServiceTier', 'UNSPECIFIED', 'STANDARD', 'FLEX', 'PRIORITY'),
  store: flag,
  labels: mapOf(text),
})

export const countTokensRequest: Field = message('CountTokensRequest', {
  model: text,
  contents: list(content),
  generateContentRequest,
})

export const embedContentRequest: Field = message('EmbedContentRequest', {
  model: text,
  content,
  taskType: choice(
    'TaskType',
    'TASK_TYPE_UNSPECIFIED',
    'RETRIEVAL_QUERY',
    'RETRIEVAL_DOCUMENT',
    'SEMANTIC_SIMILARITY',
    'CLASSIFICATION',
    'CLUSTERING',
    'QUESTION_ANSWERING',
    'FACT_VERIFICATION',
    'CODE_RETRIEVAL_QUERY',
  ),
  title: text,
  outputDimensionality: int32,
})

export const batchEmbedContentsRequest: Field = message('BatchEmbedContentsRequest', {
  model: text,
  requests: list(embedContentRequest),
})
