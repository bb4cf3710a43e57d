/** For the web server that keeps port 80: how it hands on the CA's questions. Pure. */
import { HANDED_ON_PORT } from './settings-file.ts'

const PATH = '/.well-known/acme-challenge/'

/** @param program as `ps` shows the holder of the port */
export function handOnSnippet(program: string, hostname: string, names: readonly string[]): string {
  const all = [hostname, ...names]
  if (/^(?:apache2|httpd)$/.test(program))
    return `<VirtualHost *:80>
  ServerName ${hostname}
  ServerAlias ${names.join(' ')}
  ProxyPreserveHost On
  ProxyPass ${PATH} http://127.0.0.1:${HANDED_ON_PORT}${PATH}
  RedirectMatch ^/(?!\\.well-known/acme-challenge/) https://${hostname}/
</VirtualHost>
# once: a2enmod proxy_http alias && systemctl reload apache2`
  if (program === 'caddy')
    return `${all.map((name) => `http://${name}`).join(', ')} {
  handle ${PATH}* {
    reverse_proxy 127.0.0.1:${HANDED_ON_PORT}
  }
  handle {
    redir https://${hostname}{uri} 308
  }
}`
  return `server {
  listen 80;
  listen [::]:80;
  server_name ${all.join(' ')};
  location ${PATH} {
    proxy_pass http://127.0.0.1:${HANDED_ON_PORT};
    proxy_set_header Host $host;
  }
  location / { return 308 https://${hostname}$request_uri; }
}`
}
