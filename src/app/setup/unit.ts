/** The systemd unit, one text for packages and for `gavan setup`. Pure. */

export type UnitOptions = {
  /** The program and what precedes `serve`; absolute. */
  readonly program: readonly string[]
  /** The program lies below /home, /root or /run/user, which are otherwise hidden. */
  readonly homesReadable: boolean
}

/** As Debian's package installs it. */
export const PACKAGED: UnitOptions = { program: ['/usr/bin/gavan'], homesReadable: false }

/**
 * Hardened as far as Node bears: MemoryDenyWriteExecute ends it at start, and it has no cheap way to say Type=notify.
 * Deviation: no RuntimeDirectory. The socket stays in the data folder, where the command line finds it without being told.
 */
export function printUnit({ program, homesReadable }: UnitOptions): string {
  return `# Written by gavan. Changes of your own: systemctl edit gavan
[Unit]
Description=gavan mail server
Documentation=man:gavan(1)
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
Type=exec
ExecStart=${[...program, 'serve'].map(quote).join(' ')}
ExecReload=${[...program, 'reload'].map(quote).join(' ')}
User=gavan
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ConfigurationDirectory=gavan
ConfigurationDirectoryMode=0750
StateDirectory=gavan
StateDirectoryMode=0700
UMask=0027
LimitNOFILE=65535
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=78
ProtectSystem=strict
ProtectHome=${homesReadable ? 'read-only' : 'yes'}
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
`
}

/** systemd.syntax(7), systemd.service(5): `%` and `$` are expanded, quotes keep blanks together. */
function quote(word: string): string {
  const text = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /[\s"'\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"` : text
}

export const isBelowHome = (path: string): boolean => /^\/(?:home|root|run\/user)\//.test(path)
