import { fileURLToPath } from 'node:url'
import { transcriptTests } from '../transcript.ts'
import { openManageSieveStage } from './stage.ts'

transcriptTests(fileURLToPath(new URL('../transcripts/managesieve', import.meta.url)), ({ settings }) =>
  openManageSieveStage({ canStartTls: !settings.has('no-tls') }),
)
