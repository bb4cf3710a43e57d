import { fileURLToPath } from 'node:url'
import { openTranscriptStage } from '../mail-stage.ts'
import { transcriptTests } from '../transcript.ts'

transcriptTests(fileURLToPath(new URL('../transcripts/pop3', import.meta.url)), openTranscriptStage)
