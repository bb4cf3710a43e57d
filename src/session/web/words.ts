/** What people read on the pages of 443. */
export type Words = {
  readonly running: { readonly title: string; readonly text: string; readonly link: string }
  readonly setup: {
    readonly title: string
    readonly lead: string
    readonly address: string
    readonly show: string
    readonly notOurs: string
    readonly byHand: string
    readonly read: string
    readonly send: string
    readonly server: string
    readonly port: string
    readonly security: string
    readonly tls: string
    readonly starttls: string
    readonly user: string
    readonly wholeAddress: string
    readonly apple: string
    readonly appleText: string
    readonly qr: string
    readonly nothing: string
    readonly thunderbird: string
  }
  readonly profile: { readonly name: string; readonly about: string }
}

const en: Words = {
  running: {
    title: 'gavan is running',
    text: 'Mail works on its own ports. Webmail comes later.',
    link: 'Set up a mail program',
  },
  setup: {
    title: 'Set up a mail program',
    lead: 'Most mail programs find everything by themselves: add an account, give your address and password.',
    address: 'Your address',
    show: 'Show my settings',
    notOurs: 'Mail for this address is not kept here.',
    byHand: 'By hand',
    read: 'Reading',
    send: 'Sending',
    server: 'Server',
    port: 'Port',
    security: 'Security',
    tls: 'SSL/TLS',
    starttls: 'STARTTLS',
    user: 'User name',
    wholeAddress: 'your whole address',
    apple: 'iPhone, iPad, Mac',
    appleText: 'Open the profile on the device; it asks for your password when you install it.',
    qr: 'Point the camera of the phone here:',
    nothing:
      'From where you are, mail programs cannot reach this server: use it in a browser, or from the inner network.',
    thunderbird: 'Thunderbird, Outlook and K-9 ask this server and need nothing of this page.',
  },
  profile: { name: 'Mail', about: 'Sets up your mail account. The password is asked for at installation.' },
}

const ru: Words = {
  running: {
    title: 'gavan работает',
    text: 'Почта работает на своих портах. Веб-почта появится позже.',
    link: 'Настроить почтовую программу',
  },
  setup: {
    title: 'Настройка почтовой программы',
    lead: 'Большинство программ находит всё само: добавьте учётную запись и введите адрес и пароль.',
    address: 'Ваш адрес',
    show: 'Показать мои настройки',
    notOurs: 'Почты для этого адреса здесь нет.',
    byHand: 'Вручную',
    read: 'Чтение',
    send: 'Отправка',
    server: 'Сервер',
    port: 'Порт',
    security: 'Защита',
    tls: 'SSL/TLS',
    starttls: 'STARTTLS',
    user: 'Имя пользователя',
    wholeAddress: 'ваш адрес целиком',
    apple: 'iPhone, iPad, Mac',
    appleText: 'Откройте профиль на устройстве: при установке он спросит пароль.',
    qr: 'Наведите камеру телефона:',
    nothing:
      'Отсюда почтовые программы до сервера не достают: откройте почту в браузере или подключитесь из внутренней сети.',
    thunderbird: 'Thunderbird, Outlook и K-9 спрашивают сервер сами, эта страница им не нужна.',
  },
  profile: { name: 'Почта', about: 'Настраивает вашу почту. Пароль нужно ввести при установке.' },
}

export const WORDS: Readonly<Record<'en' | 'ru', Words>> = { en, ru }
