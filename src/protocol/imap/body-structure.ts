import type { Parameters, Part } from '../../model/message.ts'
import { printEnvelope } from './envelope.ts'
import { printNstring, printString } from './print.ts'

/** RFC 9051 §7.5.2: BODYSTRUCTURE with `extended`, else BODY. Depth is bounded by MIME_DEPTH_MAX at ingest. */
export function printBodyStructure(part: Part, options: { extended: boolean; utf8: boolean }): string {
  if (part.type === 'multipart' && part.parts.length > 0) return printMultipart(part, options)
  const { utf8, extended } = options
  const fields = `${printType(part)} ${printParameters(part.parameters, utf8)} ${printNstring(part.contentId, utf8)} ${printNstring(
    part.description,
    utf8,
  )} ${printString(part.encoding.toUpperCase(), utf8)} ${part.bodyEnd - part.bodyStart}`
  let kind = ''
  if (isMessage(part) && part.message !== null) {
    const { summary, root } = part.message
    kind = ` ${printEnvelope(summary, utf8)} ${printBodyStructure(root, options)} ${part.lines}`
  } else if (part.type === 'text') kind = ` ${part.lines}`
  return extended ? `(${fields}${kind} ${printNstring(part.md5, utf8)} ${printTail(part, utf8)})` : `(${fields}${kind})`
}

const isMessage = (part: Part): boolean =>
  part.type === 'message' && (part.subtype === 'rfc822' || part.subtype === 'global')

/**
 * Choice: a message/rfc822 whose inside was not read and a multipart without parts are called application/octet-stream;
 * RFC 9051 §9 has no form for them under their own names.
 */
function printType(part: Part): string {
  const unread = part.type === 'multipart' || (isMessage(part) && part.message === null)
  return unread ? '"APPLICATION" "OCTET-STREAM"' : `${quote(part.type)} ${quote(part.subtype)}`
}

const quote = (token: string): string => printString(token.toUpperCase())

function printMultipart(part: Part, options: { extended: boolean; utf8: boolean }): string {
  let text = '('
  for (const child of part.parts) text += printBodyStructure(child, options)
  text += ` ${quote(part.subtype)}`
  if (options.extended) text += ` ${printParameters(part.parameters, options.utf8)} ${printTail(part, options.utf8)}`
  return `${text})`
}

/** body-fld-dsp, body-fld-lang, body-fld-loc. */
function printTail(part: Part, utf8: boolean): string {
  const { disposition, language } = part
  const shown =
    disposition === null ? 'NIL' : `(${quote(disposition.type)} ${printParameters(disposition.parameters, utf8)})`
  const languages =
    language.length === 0
      ? 'NIL'
      : language.length === 1
        ? printString(language[0]!, utf8)
        : `(${language.map((tag) => printString(tag, utf8)).join(' ')})`
  return `${shown} ${languages} ${printNstring(part.location, utf8)}`
}

function printParameters(parameters: Parameters, utf8: boolean): string {
  if (parameters.length === 0) return 'NIL'
  const pairs = parameters.map(([name, value]) => `${quote(name)} ${printString(value, utf8)}`)
  return `(${pairs.join(' ')})`
}
