import { countWords } from '../text.ts'
import type { ContentBlock, TextBlock, ToolResultBlock } from './content-blocks.ts'
import type { CountRequest } from './request.ts'

const tokensPerMessage = 3
// A picture's or a file's JSON is longer than this, so the count stays below the body's bytes.
const tokensPerFile = 8

/** Everything that is read: 3 per message and for the system's, 1 per word of text or of a tool's JSON, 8 per picture or file. */
export function countPromptTokens({ system, messages, tools = [] }: CountRequest): number {
  const spoken = system === undefined ? messages : [{ content: system }, ...messages]
  const read = spoken.reduce((sum, { content }) => sum + tokensPerMessage + countContent(content), 0)
  return tools.reduce((sum, tool) => sum + countWords(JSON.stringify(tool)), read)
}

type Block = ContentBlock | Exclude<NonNullable<ToolResultBlock['content']>, string>[number]

function countContent(content: string | readonly (Block | TextBlock)[]): number {
  return typeof content === 'string' ? countWords(content) : content.reduce((sum, block) => sum + countBlock(block), 0)
}

/** Earlier thinking is not read again, nor is what the provider's own tools said. */
function countBlock(block: Block): number {
  switch (block.type) {
    case 'text':
      return countWords(block.text)
    case 'image':
      return tokensPerFile
    case 'document':
      return block.source.type === 'text' ? countWords(block.source.data) : tokensPerFile
    case 'tool_use':
      return countWords(JSON.stringify(block.input))
    case 'tool_result':
    case 'search_result':
      return countContent(block.content ?? '')
    default:
      return 0
  }
}
