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
  readonly welcome: {
    readonly title: string
    readonly lead: string
    readonly address: string
    readonly password: string
    readonly again: string
    readonly rule: (least: number) => string
    readonly set: string
    readonly problem: Readonly<
      Record<'too-short' | 'is-the-address' | 'unfit' | 'different', (least: number) => string>
    >
    readonly done: { readonly title: string; readonly text: string; readonly next: string; readonly link: string }
    readonly gone: Plain
    readonly slow: Plain
    readonly later: Plain
    readonly foreign: Plain
  }
}

type Plain = { readonly title: string; readonly text: string }

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
  welcome: {
    title: 'Choose your password',
    lead: 'This is for your mail account. Nobody else has seen this page, and it works once.',
    address: 'Your address',
    password: 'New password',
    again: 'Once more',
    rule: (least) =>
      `At least ${least} characters, of any kind. A few words in a row are easy to keep and hard to guess. Use it nowhere else.`,
    set: 'Set the password',
    problem: {
      'too-short': (least) => `That is shorter than ${least} characters.`,
      'is-the-address': () => 'That is your address: the first thing that anyone would try.',
      unfit: () => 'Mail programs cannot send this password. Leave out control characters, or take a shorter one.',
      different: () => 'The two are not the same. Type it twice once more.',
    },
    done: {
      title: 'Your password is set',
      text: 'From now on you sign in as',
      next: 'Next, set up the mail program of your computer or phone. It takes your address and this password.',
      link: 'Set up a mail program',
    },
    gone: {
      title: 'This link does not work any more',
      text: 'It was used already, or its time is over. If you did not use it yourself, tell your administrator. A new one is made in a moment.',
    },
    slow: { title: 'Wait a little', text: 'Too many wrong attempts came from your address. Try again in a minute.' },
    later: {
      title: 'Try again in a moment',
      text: 'The server is busy. Nothing was changed, and the link still works.',
    },
    foreign: {
      title: 'Not from this page',
      text: 'The password was sent by another site, and was not taken. Open the link that you were given.',
    },
  },
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
  welcome: {
    title: 'Придумайте пароль',
    lead: 'Он нужен для вашей почты. Кроме вас эту страницу никто не видел, и сработает она один раз.',
    address: 'Ваш адрес',
    password: 'Новый пароль',
    again: 'Ещё раз',
    rule: (least) =>
      `Не короче ${least} знаков, любых. Несколько слов подряд легко запомнить и трудно угадать. Не используйте его больше нигде.`,
    set: 'Сохранить пароль',
    problem: {
      'too-short': (least) => `Пароль короче ${least} знаков.`,
      'is-the-address': () => 'Это ваш адрес: его попробуют первым.',
      unfit: () =>
        'Почтовые программы не смогут передать такой пароль. Уберите управляющие знаки или возьмите покороче.',
      different: () => 'Пароли не совпали. Введите его дважды ещё раз.',
    },
    done: {
      title: 'Пароль сохранён',
      text: 'Теперь ваше имя для входа:',
      next: 'Осталось настроить почтовую программу на компьютере или телефоне: ей нужны адрес и этот пароль.',
      link: 'Настроить почтовую программу',
    },
    gone: {
      title: 'Ссылка больше не работает',
      text: 'Ею уже воспользовались, или её срок истёк. Если это были не вы, скажите администратору: новую он сделает за минуту.',
    },
    slow: {
      title: 'Подождите немного',
      text: 'С вашего адреса было слишком много неверных попыток. Попробуйте через минуту.',
    },
    later: { title: 'Попробуйте чуть позже', text: 'Сервер занят. Ничего не изменилось, ссылка ещё работает.' },
    foreign: {
      title: 'Не с этой страницы',
      text: 'Пароль прислал другой сайт, и он не принят. Откройте ссылку, которую вам дали.',
    },
  },
}

export const WORDS: Readonly<Record<'en' | 'ru', Words>> = { en, ru }
