/** What the page of setup says beside what the terminal says as well (../words). */
import type { Language } from '../../../exposure/words/contract.ts'

export type PageWords = {
  readonly title: string
  readonly lead: string
  readonly seen: string
  readonly hostname: string
  readonly hostnameHint: string
  readonly domainHint: string
  readonly firstHint: string
  readonly public: string
  readonly publicHint: string
  readonly show: string
  readonly wrong: string
  readonly plan: { readonly title: string; readonly apply: string; readonly back: string; readonly nothing: string }
  readonly working: { readonly title: string; readonly text: string }
  readonly done: {
    readonly title: string
    readonly first: string
    readonly choose: string
    readonly byName: string
    readonly near: string
    readonly password: string
    readonly byHand: string
    readonly name: string
    readonly value: string
    readonly copy: string
    readonly next: string
    readonly end: string
  }
  readonly failed: { readonly title: string; readonly again: string }
  readonly ended: { readonly title: string; readonly text: string }
  readonly gone: { readonly title: string; readonly text: string }
  readonly foreign: { readonly title: string; readonly text: string }
  readonly slow: { readonly title: string; readonly text: string }
}

const en: PageWords = {
  title: 'Set up this mail server',
  lead: 'Nothing is changed before you have seen the plan.',
  seen: 'This machine',
  hostname: 'Name of this server',
  hostnameHint: 'Under which other servers know the machine: mail.example.org. Not the domain of your addresses.',
  domainHint: 'Left empty: the name without its first part.',
  firstHint: 'Left empty: admin@ the domain.',
  public: 'Address on the internet',
  publicHint: 'That of your router, as 203.0.113.10. Left empty when it is not known yet.',
  show: 'Show the plan',
  wrong: 'This cannot be:',
  plan: { title: 'The plan', apply: 'Apply', back: 'Change the answers', nothing: 'Go on' },
  working: { title: 'Working', text: 'This takes some seconds. The page goes on by itself.' },
  done: {
    title: 'The server is set up',
    first: 'The first mailbox',
    choose: 'Choose its password',
    byName: 'The same by the name, once DNS knows it; it works once, within 7 days:',
    near: 'The browser warns: it does not know the certificate yet.',
    password: 'Its password is shown this once and kept nowhere:',
    byHand: 'Left to you',
    name: 'Name',
    value: 'Value',
    copy: 'A click on a name or a value selects it whole.',
    next: 'Then, on the server',
    end: 'Done: close this page',
  },
  failed: { title: 'It did not work', again: 'Back to the answers' },
  ended: {
    title: 'This page is closed',
    text: 'The server goes on. What it asks of you stands at the terminal as well.',
  },
  gone: {
    title: 'This link does not work',
    text: 'It works once, in one browser, and only while `gavan setup --web` runs. Start that once more for another.',
  },
  foreign: { title: 'Not from this page', text: 'What was sent came from another site, and nothing was done.' },
  slow: { title: 'Wait a little', text: 'Too many wrong attempts came from your address. Try again in a minute.' },
}

const ru: PageWords = {
  title: 'Настройка почтового сервера',
  lead: 'Ничего не изменится, пока вы не увидите план.',
  seen: 'Эта машина',
  hostname: 'Имя сервера',
  hostnameHint: 'Под ним машину знают другие серверы: mail.example.org. Это не домен ваших адресов.',
  domainHint: 'Пусто — имя без первой части.',
  firstHint: 'Пусто — admin@ и домен.',
  public: 'Адрес в интернете',
  publicHint: 'Адрес вашего роутера, например 203.0.113.10. Оставьте пустым, если пока неизвестен.',
  show: 'Показать план',
  wrong: 'Так нельзя:',
  plan: { title: 'План', apply: 'Выполнить', back: 'Изменить ответы', nothing: 'Дальше' },
  working: { title: 'Выполняется', text: 'Это займёт несколько секунд. Страница обновится сама.' },
  done: {
    title: 'Сервер настроен',
    first: 'Первый ящик',
    choose: 'Придумать пароль',
    byName: 'То же по имени, когда оно появится в DNS; ссылка сработает один раз, в течение 7 дней:',
    near: 'Браузер предупредит: сертификат ему ещё не знаком.',
    password: 'Пароль показан один раз и нигде не записан:',
    byHand: 'Осталось сделать вручную',
    name: 'Имя',
    value: 'Значение',
    copy: 'Щелчок по имени или значению выделяет его целиком.',
    next: 'Дальше, на сервере',
    end: 'Готово, закрыть страницу',
  },
  failed: { title: 'Не получилось', again: 'Назад к ответам' },
  ended: { title: 'Страница закрыта', text: 'Сервер работает. Всё, что осталось сделать, есть и в терминале.' },
  gone: {
    title: 'Ссылка не работает',
    text: 'Она срабатывает один раз, в одном браузере, и только пока идёт `gavan setup --web`. Запустите его ещё раз, будет новая.',
  },
  foreign: { title: 'Не с этой страницы', text: 'Присланное пришло с другого сайта, ничего не сделано.' },
  slow: {
    title: 'Подождите немного',
    text: 'С вашего адреса было слишком много неверных попыток. Попробуйте через минуту.',
  },
}

export const PAGE_WORDS: Readonly<Record<Language, PageWords>> = { en, ru }
