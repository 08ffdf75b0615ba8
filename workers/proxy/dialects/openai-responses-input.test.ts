import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { readInput } from './openai-responses-input.ts'

function refusal(input: unknown[], tools: unknown[] = []): { param: string | undefined; message: string } {
  try {
    readInput(input, tools)
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) return { param: error.details.param, message: error.message }
    throw error
  }
  throw new Error('the input was taken')
}

const user = { role: 'user', content: 'hi' }
const said = (...content: unknown[]) => ({ role: 'user', content })

describe('an item', () => {
  test.each([
    ['a reference', { type: 'item_reference', id: 'msg_1' }],
    ['a reference that does not say so', { id: 'msg_1' }],
    ['a reference of no type', { id: 'msg_1', type: null }],
    ['a reference with a content that nobody looks at', { id: 'msg_1', content: 'x' }],
    ['reasoning without its text', { type: 'reasoning', id: 'rs_1', summary: [] }],
    ['reasoning of nothing', { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: '' }],
    ['reasoning of null', { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: null }],
  ])('that is %s is refused: send the item itself', (_, item) => {
    const { param, message } = refusal([user, item])
    expect(param).toBe('input.1')
    expect(message).toMatch(/Send the item itself, .*store: false.*reasoning\.encrypted_content.*previous_response_id/)
  })

  test.each([
    'file_search_call',
    'code_interpreter_call',
    'image_generation_call',
    'computer_call',
    'computer_call_output',
    'mcp_call',
    'mcp_list_tools',
    'mcp_approval_request',
    'mcp_approval_response',
    'compaction',
    'compaction_trigger',
    'program',
    'configuration_update',
    'unheard_of',
    5,
    {},
  ])('of the type %j is refused by name', (type) => {
    expect(refusal([{ type, id: 'x', role: 'user', encrypted_content: 'x' }]).param).toBe('input.0')
  })

  test.each([null, 'hi', 5, [], [[]]])('that is %j is refused', (item) => {
    expect(refusal([item]).param).toBe('input.0')
  })

  test('that a client has made or run itself passes', () => {
    const input = [
      user,
      {
        type: 'message',
        role: 'assistant',
        id: 'msg_1',
        content: [
          { type: 'output_text', text: 'x' },
          { type: 'refusal', refusal: 'no' },
        ],
      },
      {
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'x' }],
        content: [{ type: 'reasoning_text', text: 'x' }],
        encrypted_content: 'x',
      },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: 'done' },
      { type: 'custom_tool_call', call_id: 'd', name: 'g', input: 'x' },
      { type: 'custom_tool_call_output', call_id: 'd', output: [{ type: 'input_text', text: 'x' }] },
      { type: 'local_shell_call', call_id: 'e', action: { type: 'exec', command: ['ls'] } },
      { type: 'local_shell_call_output', id: 'e', output: '{}' },
      { type: 'shell_call', call_id: 'f', action: { commands: ['ls'] }, environment: { type: 'local' } },
      { type: 'shell_call_output', call_id: 'f', output: [{ stdout: '', stderr: '', outcome: { type: 'exit', exit_code: 0 } }] },
      { type: 'apply_patch_call', call_id: 'g', operation: { type: 'delete_file', path: 'a' } },
      { type: 'apply_patch_call_output', call_id: 'g', status: 'completed' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'x' } },
      { type: 'tool_search_output', call_id: 'h', tools: [{ type: 'function', name: 'f' }] },
    ]
    expect(readInput(input, [])).toEqual({ images: 0, hasAudio: false, searches: false, isBound: true })
  })

  test('that brings tools is judged by them', () => {
    expect(refusal([{ type: 'additional_tools', role: 'developer', tools: [{ type: 'mcp' }] }]).param).toBe('input.0.tools.0')
    expect(readInput([{ type: 'additional_tools', role: 'developer', tools: [{ type: 'web_search' }] }], []).searches).toBe(true)
  })

  test('of a shell in a container of ours is refused', () => {
    const item = { type: 'shell_call', call_id: 'f', action: {}, environment: { type: 'container_reference', container_id: 'cntr_1' } }
    expect(refusal([item]).param).toBe('input.0.environment')
  })
})

describe('a part', () => {
  test.each([
    ['an image by file_id', { type: 'input_image', file_id: 'file-1' }],
    ['a file by file_id', { type: 'input_file', file_id: 'file-1' }],
    ['a file in base64', { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' }],
    ['a file by URL', { type: 'input_file', file_url: 'https://x.example/a.pdf' }],
    ['a computer screenshot', { type: 'computer_screenshot', image_url: 'x' }],
    ['of no type', { text: 'x' }],
    ['of a type that is none', { type: { toString: null } }],
    ['a bare text', 'x'],
    ['nothing', null],
  ])('that is %s is refused, because nothing bounds it or an account keeps it', (_, part) => {
    expect(refusal([user, said({ type: 'input_text', text: 'x' }, part)])).toMatchObject({ param: 'input.1.content' })
    expect(refusal([{ type: 'function_call_output', call_id: 'c', output: [part] }])).toMatchObject({ param: 'input.0.output' })
  })

  test('hidden in a content that is no list is refused', () => {
    expect(refusal([{ role: 'user', content: { type: 'input_file', file_id: 'x' } }]).param).toBe('input.0.content')
  })
})

describe('a tool', () => {
  test.each([
    'file_search',
    'code_interpreter',
    'image_generation',
    'computer',
    'computer_use_preview',
    'mcp',
    'programmatic_tool_calling',
    'web_search_of_ours',
    'unheard_of',
    null,
  ])('that the provider runs is refused by name: %j', (type) => {
    const { param, message } = refusal([], [{ type: 'function', name: 'f' }, { type }])
    expect(param).toBe('tools.1')
    expect(message).toContain('function')
  })

  test.each([
    ['a shell in a container', 'tools.0.environment', { type: 'shell', environment: { type: 'container_auto' } }],
    [
      'a shell in a named container',
      'tools.0.environment',
      { type: 'shell', environment: { type: 'container_reference', container_id: 'x' } },
    ],
    ['a shell that does not say where', 'tools.0.environment', { type: 'shell' }],
    ['a search of tools at the provider', 'tools.0', { type: 'tool_search' }],
    ['a namespace with a hosted tool', 'tools.0.tools', { type: 'namespace', name: 'n', tools: [{ type: 'function' }, { type: 'mcp' }] }],
  ])('that is %s is refused', (_, param, tool) => {
    expect(refusal([], [tool]).param).toBe(param)
  })

  test('that the client runs passes', () => {
    const tools = [
      { type: 'function', name: 'f', parameters: {} },
      { type: 'custom', name: 'g' },
      { type: 'local_shell' },
      { type: 'apply_patch' },
      { type: 'shell', environment: { type: 'local' } },
      {
        type: 'namespace',
        name: 'n',
        tools: [
          { type: 'function', name: 'f' },
          { type: 'custom', name: 'g' },
        ],
      },
      { type: 'tool_search', execution: 'client' },
    ]
    expect(readInput([], tools).searches).toBe(false)
  })
})

test('a type without an end gets a short answer', () => {
  expect(refusal([{ type: 'x'.repeat(1_000_000) }]).message.length).toBeLessThan(300)
})
