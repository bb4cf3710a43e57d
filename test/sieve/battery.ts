/** Many tests at once: a script whose mailbox's name has a letter for each, `y` when it was true. */
const TESTS = [
  'exists "from"',
  'exists ["to", "subject"]',
  'header :contains "subject" "a"',
  'header :contains "subject" "е"',
  'header :matches "subject" "*?e*"',
  'header :regex "subject" "^[^ ]+ "',
  'header :is "subject" ""',
  'header :contains ["from", "to", "cc"] "\\""',
  'header :matches :comparator "i;octet" "subject" "*T*"',
  'header :count "ge" :comparator "i;ascii-numeric" ["received", "from", "to"] "2"',
  'header :value "gt" "subject" "m"',
  'header :contains "content-type" "utf-8"',
  'address :domain :matches ["from", "to", "cc"] "*.org"',
  'address :localpart :is ["from", "to", "cc", "bcc"] ["alice", "bob", "a", "b"]',
  'address :matches "from" "*@*"',
  'address :all :contains ["to", "cc"] "example"',
  'address :count "eq" :comparator "i;ascii-numeric" ["to"] "1"',
  'address :count "ge" :comparator "i;ascii-numeric" ["from", "to", "cc"] "3"',
  'address :detail :matches "to" "*"',
  'address :user :matches "from" "*"',
  'size :over 500',
  'size :under 300',
  'date :originalzone :matches "date" "year" "*"',
  'date :zone "+0000" :value "ge" "date" "hour" "12"',
  'date :originalzone "date" "weekday" ["1", "2", "3"]',
  'date :originalzone :matches "received" "iso8601" "*"',
  'body :raw :contains "e"',
  'body :raw :contains "--"',
  'body :text :contains "e"',
  'body :text :contains "привет"',
  'body :content "text" :contains "a"',
  'body :content "text/html" :contains "<"',
  'body :content "image" :contains ""',
  'body :content "multipart" :contains "multi"',
  'body :content "message/rfc822" :contains "subject"',
  'body :content "" :contains "t"',
  'header :mime :anychild :contenttype "content-type" "text/plain"',
  'header :mime :anychild :contenttype "content-type" "text/html"',
  'header :mime :anychild :type "content-type" "multipart"',
  'header :mime :type "content-type" "multipart"',
  'header :mime :subtype "content-type" "mixed"',
  'header :mime :anychild :param "filename" :contains "content-disposition" "."',
  'header :mime :anychild :param "name" :contains "content-type" "."',
  'header :mime :param "boundary" :matches "content-type" "?*"',
  'header :mime :anychild :type "content-disposition" "attachment"',
  'exists :mime :anychild "content-transfer-encoding"',
  'address :mime :anychild :domain :contains "from" "e"',
]

export const BATTERY = `require ["fileinto", "variables", "regex", "relational", "comparator-i;ascii-numeric", "subaddress", "date", "body",
  "mime", "foreverypart", "index", "extracttext"];
set "r" "r";
${TESTS.map((test) => `if ${test} { set "r" "\${r}y"; } else { set "r" "\${r}n"; }`).join('\n')}
foreverypart {
  if header :mime :contenttype :matches "content-type" "*" { set "r" "\${r} \${1}"; } else { set "r" "\${r} -"; }
}
if header :matches "subject" "*" { set "s" "\${1}"; }
if address :matches "from" "*" { set "f" "\${1}"; }
fileinto "\${r}";
fileinto "s \${s}";
fileinto "f \${f}";
`

/** Which of the tests a letter of the name stands for. */
export const testOf = (index: number): string => TESTS[index - 1] ?? ''
