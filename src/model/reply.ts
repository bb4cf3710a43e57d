/** An SMTP reply (RFC 5321 §4.2) with its enhanced status (RFC 3463, RFC 2034); `status` null where none belongs (220, 354, EHLO, 334). */
export type SmtpReply = { readonly code: number; readonly status: string | null; readonly lines: readonly string[] }

export const reply = (code: number, status: string | null, ...lines: string[]): SmtpReply => ({ code, status, lines })
