/** A real browser without a screen, driven by Chrome's own protocol. Pages run no scripts in it, and it finds no host but this. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { temporaryFolder } from './world.ts'

export type Browser = AsyncDisposable & {
  /** Waits until the page is loaded. @returns its HTML as the browser understood it, without styles and drawings */
  open(url: string): Promise<string>
  /** Types into the first element that the selector finds, in place of what stands there. */
  type(selector: string, text: string): Promise<void>
  /** Clicks, and waits for the page that follows. @returns its HTML */
  click(selector: string): Promise<string>
  /** Clicks what leads nowhere: a choice. */
  choose(selector: string): Promise<void>
  html(): Promise<string>
  /** What the address line shows. */
  address(): Promise<string>
  /** What a person would copy after a click on it. */
  selected(selector: string): Promise<string>
  look(of: { width: number; height: number; dark: boolean }): Promise<void>
  /** As PNG, the whole page. */
  picture(path: string): Promise<void>
  /** Whether something is wider than the window. */
  overflows(): Promise<boolean>
}

type Answer = {
  readonly id?: number
  readonly method?: string
  readonly result?: object
  readonly error?: { message: string }
}

/** @param language as in Accept-Language */
export async function startBrowser(language: string): Promise<Browser> {
  const folder = temporaryFolder('browser')
  const program = findProgram('chromium') ?? 'chromium'
  const child = spawn(
    program,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
      '--ignore-certificate-errors',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
      `--accept-lang=${language}`,
      `--user-data-dir=${join(folder.path, 'profile')}`,
      '--remote-debugging-port=0',
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: folder.path } },
  )
  const exit = once(child, 'exit')
  const where = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      const found = /DevTools listening on ws:\/\/([^/]+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(said)))
  })
  const targets = (await (await fetch(`http://${where}/json/list`)).json()) as {
    type: string
    webSocketDebuggerUrl: string
  }[]
  const socket = new WebSocket(targets.find(({ type }) => type === 'page')!.webSocketDebuggerUrl)
  await once(socket, 'open')

  let number = 0
  const asked = new Map<number, { resolve: (result: object) => void; reject: (error: Error) => void }>()
  let loaded: (() => void)[] = []
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer
    if (answer.method === 'Page.loadEventFired') {
      const waiting = loaded
      loaded = []
      for (const each of waiting) each()
    }
    const question = asked.get(answer.id ?? -1)
    if (question === undefined) return
    asked.delete(answer.id!)
    if (answer.error === undefined) question.resolve(answer.result ?? {})
    else question.reject(new Error(answer.error.message))
  })
  const ask = <T>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ++number
      asked.set(id, { resolve: (result) => resolve(result as T), reject })
      socket.send(JSON.stringify({ id, method, params }))
    })
  const load = (): Promise<void> => new Promise((resolve) => loaded.push(resolve))
  await ask('Page.enable')
  await ask('DOM.enable')
  await ask('Emulation.setScriptExecutionDisabled', { value: true })

  const html = async (): Promise<string> => {
    for (;;) {
      try {
        return await htmlNow()
      } catch (error) {
        // Another page came in between; that one is asked for, then.
        if (!String(error).includes('Could not find node')) throw error
      }
    }
  }
  const htmlNow = async (): Promise<string> => {
    const { root } = await ask<{ root: { nodeId: number } }>('DOM.getDocument', { depth: 0 })
    const { outerHTML } = await ask<{ outerHTML: string }>('DOM.getOuterHTML', { nodeId: root.nodeId })
    return outerHTML.replaceAll(/<style>[^]*?<\/style>|<svg[^]*?<\/svg>/g, '')
  }
  const find = async (selector: string): Promise<number> => {
    const { root } = await ask<{ root: { nodeId: number } }>('DOM.getDocument', { depth: 0 })
    const { nodeId } = await ask<{ nodeId: number }>('DOM.querySelector', { nodeId: root.nodeId, selector })
    if (nodeId === 0) throw new Error(`no ${selector} in ${await html()}`)
    return nodeId
  }
  const press = async (selector: string, clickCount = 1): Promise<void> => {
    const nodeId = await find(selector)
    await ask('DOM.scrollIntoViewIfNeeded', { nodeId })
    const { model } = await ask<{ model: { content: readonly number[] } }>('DOM.getBoxModel', { nodeId })
    const [x1 = 0, y1 = 0, , , x2 = 0, y2 = 0] = model.content
    const at = { x: (x1 + x2) / 2, y: (y1 + y2) / 2, button: 'left', buttons: 1, clickCount }
    await ask('Input.dispatchMouseEvent', { type: 'mousePressed', ...at })
    await ask('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at })
  }
  return {
    html,
    async open(url) {
      const done = load()
      const { errorText } = await ask<{ errorText?: string }>('Page.navigate', { url })
      if (errorText !== undefined) throw new Error(errorText)
      await done
      return html()
    },
    async type(selector, text) {
      await ask('DOM.focus', { nodeId: await find(selector) })
      await ask('Input.dispatchKeyEvent', { type: 'keyDown', key: 'a', commands: ['selectAll'] })
      await ask('Input.insertText', { text })
    },
    async click(selector) {
      const done = load()
      await press(selector)
      await done
      return html()
    },
    choose: (selector) => press(selector),
    async address() {
      const { currentIndex, entries } = await ask<{ currentIndex: number; entries: readonly { url: string }[] }>(
        'Page.getNavigationHistory',
      )
      return entries[currentIndex]?.url ?? ''
    },
    async selected(selector) {
      await press(selector)
      await ask('Emulation.setScriptExecutionDisabled', { value: false }) // For our own question, not for the page.
      const { result } = await ask<{ result: { value?: string } }>('Runtime.evaluate', {
        expression: 'String(getSelection())',
      })
      await ask('Emulation.setScriptExecutionDisabled', { value: true })
      return result.value ?? ''
    },
    async look({ width, height, dark }) {
      await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
      await ask('Emulation.setEmulatedMedia', {
        features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
      })
    },
    async picture(path) {
      const { data } = await ask<{ data: string }>('Page.captureScreenshot', { captureBeyondViewport: true })
      writeFileSync(path, Buffer.from(data, 'base64'))
    },
    async overflows() {
      const { cssContentSize, cssLayoutViewport } = await ask<
        Record<'cssContentSize', { width: number }> & Record<'cssLayoutViewport', { clientWidth: number }>
      >('Page.getLayoutMetrics')
      return cssContentSize.width > cssLayoutViewport.clientWidth
    },
    async [Symbol.asyncDispose]() {
      socket.close()
      child.kill('SIGTERM')
      await exit
      folder[Symbol.dispose]()
    },
  }
}
