import { reply } from '../../../model/reply.ts'
import type { Done, SmtpContext } from '../context.ts'

/** STARTTLS, RFC 3207 §4. @returns null when TLS is up: then there is nothing more to say */
export async function startTls(context: SmtpContext): Promise<Done | null> {
  const { connection, input, log } = context
  if (connection.tls !== null) return { reply: reply(503, '5.5.1', 'TLS is up already') }
  if (!connection.canStartTls) return { reply: reply(454, '4.7.0', 'TLS is not available') }
  context.say(reply(220, '2.0.0', 'Ready to start TLS'))
  await context.flush()
  input.framer.discard()
  const tls = await connection.startTls()
  // RFC 3207 §4.2: all that was said before is forgotten, on both sides (S3).
  input.framer.discard()
  context.state = { at: 'connected' }
  context.account = null
  log.debug({ event: 'smtp.tls', version: tls.version, cipher: tls.cipher })
  return null
}
