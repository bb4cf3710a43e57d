import { describeKeys } from '../../src/app/config/show.ts'
import { page } from './page.ts'

/** docs/config.md: every key of gavan.toml. */
export function configPage(): string {
  const sections = describeKeys().map(({ key, env, values, otherwise, about, example }) =>
    [
      `## \`${key}\``,
      '',
      about,
      '',
      `- Holds ${values}.`,
      `- When not given: ${otherwise}.`,
      `- Environment: \`${env}\``,
      ...(example === '' ? [] : ['', '```toml', example, '```']),
      '',
    ].join('\n'),
  )
  return page(
    'gavan.toml',
    'All keys, from [src/app/config/keys.ts](../src/app/config/keys.ts). Flags go before the environment, the environment ' +
      'before the file, the file before the defaults. Relative paths are relative to the file. `gavan config check` tells ' +
      'everything that is wrong at once; `gavan config show` shows what holds and who decided it. The smallest useful file:',
    [
      '```toml',
      'hostname = "mail.example.org"',
      'domains  = ["example.org"]',
      'clients  = "office"',
      '```',
      '',
      ...sections,
    ],
  )
}
