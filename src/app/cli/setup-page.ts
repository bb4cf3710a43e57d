import type { Setting } from './setup-common.ts'

export async function runSetupPage(_host: string | undefined, _setting: Setting): Promise<void> {}
