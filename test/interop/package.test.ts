/** What `npm pack` makes, in an empty folder with nothing but the packages it names, is a whole server. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../tools/tree.ts'
import { freeOffset } from './ports.ts'
import { temporaryFolder } from './world.ts'

const COPIED = ['bin', 'src', 'tools', 'package.json', 'README.md', 'README.ru.md', 'LICENSE', 'CHANGELOG.md']

/** As `npm install TARBALL` lays it out, from the packages that are here already: no registry is asked. */
function install(tarball: string, folder: string): string {
  const installed = join(folder, 'node_modules', 'gavan')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link)
  }
  return installed
}

test('the packed package runs gavan try, from plain JavaScript', async () => {
  using folder = temporaryFolder('package')
  const clone = join(folder.path, 'clone')
  for (const path of COPIED.filter((each) => existsSync(join(ROOT, each))))
    cpSync(join(ROOT, path), join(clone, path), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'))
  // Its `prepack` builds.
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder.path], { cwd: clone })
  const { version } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8')) as { version: string }
  const installed = install(join(folder.path, `gavan-${version}.tgz`), join(folder.path, 'empty'))
  assert.ok(!existsSync(join(installed, 'src')), 'no sources in it')

  const gavan = join(installed, 'bin', 'gavan.js')
  assert.equal(execFileSync(process.execPath, [gavan, '--version'], { encoding: 'utf8' }).trim(), version)
  const data = join(folder.path, 'data')
  const args = [gavan, 'try', '--json', '--data', data, '--offset', String(await freeOffset())]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const line = new Promise<void>((settle) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text
      if (told.includes('\n')) settle()
    })
    child.once('close', () => settle())
  })
  const closed = once(child, 'close')
  await line
  child.kill('SIGTERM')
  const [code] = (await closed) as [number | null]
  assert.equal((JSON.parse(told || '{}') as { ready?: boolean }).ready, true, errors)
  assert.equal(code, 0, errors)
})
