#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must get as far as the message below.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const built = join(root, 'dist', 'app', 'main.js')
const sources = join(root, 'src')
const main = isFresh() ? built : join(sources, 'app', 'main.ts')
const [major, minor] = process.versions.node.split('.').map(Number)

/** A package has no sources; in a clone, what was built counts until a file is changed. */
function isFresh() {
  if (!existsSync(built)) return false
  if (!existsSync(sources)) return true
  const { mtimeMs } = statSync(built)
  return readdirSync(sources, { recursive: true }).every((path) => statSync(join(sources, path)).mtimeMs <= mtimeMs)
}

if (major > 24 || (major === 24 && minor >= 7)) {
  await import(pathToFileURL(main).href)
} else {
  const pinned = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!existsSync(pinned)) {
    console.error(`gavan needs Node 24.7 or newer; this is ${process.version}.`)
    console.error('Fix: run "npm ci" in the folder of gavan, which brings the right Node, or install a newer one.')
    process.exit(78)
  }
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 1))
}
