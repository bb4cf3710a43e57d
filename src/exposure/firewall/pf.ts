/** pf (pf.conf(5) of FreeBSD and macOS), an anchor of its own: for this host or, with `router`, for the router in front. */
import type { ExposurePlan } from '../contract.ts'
import type { RuleOptions, Rules } from './contract.ts'
import { comment, headOf, layoutNotes, wordsOf } from './explain.ts'
import { allPorts, groupsOf, numbersOf, routerViewOf, type PortOf, type RouterView } from './groups.ts'

export function pf(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  const undo = ['pfctl -a gavan -F all']
  const view = routerViewOf(plan)
  const notes = options.router
    ? [
        words.router(view.server4 ?? view.server6 ?? 'SERVER'),
        ...(view.server4 === null && view.nat ? [words.serverUnknown] : []),
        ...(view.nat && view.public4 === null ? [words.publicUnknown] : []),
        view.server6 === null ? words.v6None : words.v6,
        words.pfRouterAnchor,
      ]
    : [...layoutNotes(plan, options), words.pfAnchor]
  const head = headOf(plan, options, { format: 'pf', undo, notes })
  const body = options.router ? routerRules(plan, view, options) : hostRules(plan, options)
  return { text: `${[...head, ...body].join('\n')}\n`, undo }
}

const TABLE = 'table <gavan_banned> persist'
const some = (items: readonly (string | number)[]): string => `{ ${items.join(', ')} }`
const toPorts = (ports: readonly PortOf[]): string => `port ${some(numbersOf(ports))}`
const label = 'label "gavan"'

function hostRules(plan: ExposurePlan, options: RuleOptions): string[] {
  const groups = groupsOf(plan)
  const all = allPorts(groups)
  const { onlySender } = options
  return [
    ...comment(`${wordsOf(options).bans} --format list`),
    TABLE,
    ...(all.length === 0
      ? []
      : [
          `pass in quick on lo0 proto tcp to any ${toPorts(all)} ${label}`,
          `block drop in quick proto tcp from <gavan_banned> to any ${toPorts(all)} ${label}`,
        ]),
    ...(groups.outside.length === 0 ? [] : [`pass in quick proto tcp to any ${toPorts(groups.outside)} ${label}`]),
    ...groups.inside
      .filter(({ v4, v6 }) => v4.length + v6.length > 0)
      .map(
        ({ ports, v4, v6 }) => `pass in quick proto tcp from ${some([...v4, ...v6])} to any ${toPorts(ports)} ${label}`,
      ),
    ...(groups.shut.length === 0 ? [] : [`block drop in quick proto tcp to any ${toPorts(groups.shut)} ${label}`]),
    ...(onlySender === null
      ? []
      : [
          `pass out quick proto tcp to any port ${plan.outgoing.port} user ${onlySender} ${label}`,
          `block return out quick proto tcp to any port ${plan.outgoing.port} ${label}`,
        ]),
  ]
}

function routerRules(plan: ExposurePlan, view: RouterView, options: RuleOptions): string[] {
  const words = wordsOf(options)
  const groups = groupsOf(plan)
  const all = allPorts(groups)
  const server = view.server4 ?? (view.nat ? 'SERVER' : null)
  const at = view.public4 ?? '($wan)'
  const sources = (from: RouterView['forwards'][number]['from'], family: 'v4' | 'v6'): string =>
    from === null ? 'any' : some(from[family])
  const has = (from: RouterView['forwards'][number]['from'], family: 'v4' | 'v6'): boolean =>
    from === null || from[family].length > 0
  const forwarded = view.forwards.flatMap(({ ports, from }) =>
    has(from, 'v4')
      ? ports.map(({ port, standardPort }) => {
          return `rdr on $wan inet proto tcp from ${sources(from, 'v4')} to ${at} port ${standardPort} -> ${server} port ${port}`
        })
      : [],
  )
  const translated = view.nat
    ? [
        ...(view.public4 === null
          ? []
          : [
              ...comment(words.sendFrom),
              `nat on $wan inet proto tcp from ${server} to any port ${plan.outgoing.port} -> ${view.public4}`,
            ]),
        ...(options.hairpin
          ? [
              ...comment(words.hairpin),
              `nat on $lan inet proto tcp from ${some(view.around4)} to ${server} ${toPorts(all)} -> ($lan)`,
            ]
          : []),
        ...comment(words.forwarded),
        ...forwarded,
        ...(options.hairpin
          ? all.map(
              ({ port, standardPort }) =>
                `rdr on $lan inet proto tcp from any to ${at} port ${standardPort} -> ${server} port ${port}`,
            )
          : []),
      ]
    : []
  const targets = [
    ...(server === null ? [] : ([['inet', server, 'v4']] as const)),
    ...(view.server6 === null ? [] : ([['inet6', view.server6, 'v6']] as const)),
  ]
  return [
    `wan = "${options.interface ?? 'em0'}"`,
    ...(options.hairpin ? ['lan = "em1"'] : []),
    ...comment(`${words.bans} --format list`),
    TABLE,
    ...translated,
    ...targets.flatMap(([family, address, key]) => [
      ...(all.length === 0
        ? []
        : [
            `block drop in quick on $wan ${family} proto tcp from <gavan_banned> to ${address} ${toPorts(all)} ${label}`,
          ]),
      ...view.forwards
        .filter(({ from }) => has(from, key))
        .map(
          ({ ports, from }) =>
            `pass in quick on $wan ${family} proto tcp from ${sources(from, key)} to ${address} ${toPorts(ports)} ${label}`,
        ),
      ...(groups.shut.length === 0
        ? []
        : [`block drop in quick on $wan ${family} proto tcp to ${address} ${toPorts(groups.shut)} ${label}`]),
    ]),
    ...(server === null
      ? []
      : [
          ...comment(words.outgoing),
          `# block return out quick on $wan inet proto tcp from ! ${server} to any port 25 ${label}`,
        ]),
  ]
}
