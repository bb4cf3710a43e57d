import { fileURLToPath } from 'node:url'
import { transcriptTests } from '../transcript.ts'
import { openTranscriptStage } from './stage.ts'

transcriptTests(fileURLToPath(new URL('../transcripts/imap', import.meta.url)), openTranscriptStage)
