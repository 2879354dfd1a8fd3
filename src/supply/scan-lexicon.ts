// The vocabulary of the scanner: what words mean, in a few languages. Data; the rules over it are in scan-phrases.ts.
// Lower case, without accents, as plainText leaves them. A star ends a stem.

const WORDS: Readonly<Record<string, string>> = {
  // What is to be set aside, and whose.
  ignore: `ignore ignores ignoring disregard* forget forgets discard dismiss override overrides overriding
    bypass* supersede* circumvent* neglect ignorier* vergiss vergesst missachte* ignorez ignorer oublie
    oubliez oublier ignora ignorad olvida olvide olviden descarta dimentica ignori esqueca desconsidere
    negeer vergeet игнориру* забудь`,
  prior: `previous* prior preceding earlier above former foregoing existing original initial vorherig*
    bisherig* obig* vorangegangen* fruher* precedent* anterieur* dessus anterior* previ* arriba
    iniciales eerdere vorige предыдущ*`,
  every: `all any every other entire whole toutes tout tous todas todos toda todo alle jede* jeder tutte tutti
    все всех`,
  your: `your tes vos deine ihre tus sus`,
  orders: `instruction* directive* guideline* prompt prompts programming safeguard* guardrail* restriction*
    constraint* anweisung* instruktion* vorgabe* richtlinie* consigne* restriccion* instruccion*
    directiva* directrices istruzion* instruc* инструкц* указани*`,
  given: `instruction* directive* guideline* prompt prompts rule rules command commands context polic*
    constraint* restriction* safeguard* messages training anweisung* regel* befehl* vorgabe* regles
    consignes reglas ordenes instruccion* instruc* istruzion* инструкц* правил*`,
  disable: `disable* disabling bypass* circumvent* evade* deactivat* suppress* jailbreak* subvert* umgeh*
    deaktivier* desactive* contourne* desactiva* evita elude*`,
  safety: `safety security guardrail* safeguard* moderation restriction* content ethical sicherheit* schutz*
    securite seguridad censorship alignment`,
  checks: `check checks filter filters filtering controls guideline* measure measures mechanism* protocol
    protocols policy policies rules restrictions limits constraints review`,
  trust: `trust obey befolge obeis obedece`,
  // Who must not be told.
  not: `not don't dont never no without avoid mustn't shouldn't cannot refrain nicht niemals nie ohne ne n
    pas jamais sans nunca jamas sin non mai nao niet не никогда`,
  without: `without ohne sans sin senza sem zonder без`,
  negation: `nicht nichts niemals nie niet`,
  tell: `tell telling inform informing notify notifying mention mentioning reveal revealing disclose
    disclosing alert alerting warn warning divulge sag sage sagen erzahl* informier* erwahn* mitteil*
    verrat* benachrichtig* teile dis dites dire informe informez informer mentionne* revele* signale*
    avertis* digas diga decir informes mencion* reveles avises notifiques cuentes informare dica diga
    сообщай* говори*`,
  mention: `mention mentioning reveal disclose acknowledge admit divulge erwahne* mentionne* menciones mencione`,
  user: `user user's users human humans owner person operator anyone anybody them customer customers
    benutzer* nutzer* anwender* utilisateur* usuario* utente utenti gebruiker* пользовател*`,
  aware: `knowledge consent awareness noticing permission knowing realizing knows notices aware notice noticed
    notification wissen zustimmung savoir consentement conocimiento consentimiento saber sepa`,
  know: `know knows notice notices see sees find realize suspect erfahr* wissen sepa saber savoir sache`,
  quiet: `silently secretly covertly quietly stealthily invisibly unnoticed surreptitiously discreetly
    clandestinely heimlich unbemerkt stillschweigend secretement discretement silencieusement
    secretamente silenciosamente тайно`,
  secrecy: `secret hidden confidential invisible unmentioned covert geheim* verborgen secrete secreta secreto
    oculto oculta`,
  operation: `operation action step task instruction instructions directive behaviour behavior channel`,
  keep: `keep remain stay halte garde manten`,
  from: `from at vor a al aux de del desde von`,
  hide: `hide hides hiding conceal* verberg* verheimlich* cachez oculta ocultar esconde* mask suppress omit`,
  // What is sent, and where.
  send: `send sends sending sent transmit* upload uploads uploaded uploading post posts posted posting
    forward forwards forwarded forwarding relay relays relayed deliver delivers delivered stream streams
    streamed streaming share shares shared sharing report reports reported submit submits submitted push
    pushes exfiltrat* leak leaks leaked bcc cc email emails mail copied mirrored mirrors sende senden
    sendet gesendet schick* ubermittel* hochlad* weiterleit* leite envoie* envoyez envoyer transmet*
    envia envie envie* enviar manda sube subir reenvi* invia inviare stuur отправ* backed`,
  remote: `remote external externally webhook webhooks attacker attackers offsite analytics telemetry collector
    affiliate* advertis* partner partners third-party offshore extern externe externen externo externos
    drittanbieter distant remoto`,
  server: `server servers endpoint endpoints webhook backend database service api collector serveur servidor
    cloud system`,
  our: `our remote external third tracking analytics collection telemetry monitoring central`,
  data: `data results result contents content files output outputs information input inputs text queries
    everything copy copies code logs details`,
  secret: `password passwords passphrase* passcode* credential* cookies secrets keystroke* clipboard wallet
    wallets mnemonic passwort* kennwort* zugangsdaten contrasena* contrasenas credenciales identifiants
    schlussel keychain keyring пароль пароли`,
  hardSecret: `password passwords passphrase* credential* keystroke* mnemonic ssn cvv passwort* zugangsdaten
    contrasena*`,
  credit: `credit debit payment`,
  card: `card cards`,
  keyKind: `private api secret access ssh encryption signing session bearer oauth seed recovery environment env`,
  key: `key keys token tokens phrase phrases variables vars cookie`,
  gather: `collect collects collected collecting harvest* capture captures captured capturing scrape* gather
    gathers gathered gathering logged logging records recorded steal* intercept* sniff* monitor monitors
    monitored track tracks tracked incorporate* profiles indexes mirrors sammelt erfasst collecte*
    recopila*`,
  extract: `extract extracts extracted extracting export exports decrypt dump dumps`,
  saved: `saved stored cached visible`,
  personal: `clipboard keystroke* screenshot screenshots hostname hostnames usernames geolocation gps location
    locations contacts fingerprint* microphone webcam biometric* browsing behavior behaviour habits
    demographics conversation conversations chats prompts documents interactions telemetry history
    messages interests`,
  machine: `mac hostname username processes serial hardware device machine`,
  fingerprint: `fingerprint fingerprints fingerprinting fingerprinted`,
  auto: `automatically automatic continuously continuous periodically constantly additionally automatisch
    standig automatiquement automaticamente`,
  optIn: `opted enrolled enroled subscribed`,
  marketing: `marketing newsletter* promotional advertis* affiliate* partner partners sponsor* promotions`,
  excuse: `quality analytics training telemetry research personalization advertising profiling monetization
    audit product`,
  assurance: `assurance purposes improvement improvements models partners`,
  mine: `mine mines mining miner`,
  coin: `crypto cryptocurrency monero xmr bitcoin hashrate pool`,
  // What the model is to do, and when.
  this: `this diese* dieses cette este esta questo`,
  tool: `tool tools function functions werkzeug* outil* herramienta* ferramenta* plugin`,
  before: `before prior vor bevor avant antes prima`,
  first: `first zuerst d'abord primero beforehand`,
  mustNow: `must always mandatory immer toujours siempre`,
  must: `must always mandatory required shall muss mussen immer doit toujours debe siempre need should`,
  call: `call calls called calling invoke invokes invoked use used uses using run execute executed executing
    aufruf* verwende* nutze* benutze* appele* utilis* llama* usar use usa`,
  reply: `response responses answer answering respond responding reply replying answers action actions request
    requests question questions antwort* reponse* respuesta*`,
  read: `read reads reading open cat load fetch access retrieve list lies lese lesen lisez lis lire lee leer
    leggi cargar`,
  pass: `pass provide include put insert append attach embed supply add copy paste fill ubergib ubergebe fuge
    hange passe passez joins inclus incluye anade pasa agrega`,
  whole: `entire full complete whole previous all verbatim ganze* gesamte* vollstandig* kompletten toute
    entiere completa toda entera every raw`,
  chat: `conversation conversations chat dialogue transcript gesprach* unterhaltung* chatverlauf conversacion
    historial`,
  show: `reveal print output repeat show leak display disclose dump expose verrate zeige affiche revele
    muestra revela imprime recite`,
  system: `system`,
  prompt: `prompt prompts message instructions`,
  assistant: `assistant assistant's agent agent's ai llm claude gpt chatgpt copilot model model's`,
  change: `override overrides overriding manipulat* hijack* subvert* steer*`,
  conduct: `behavior behaviour goal goals objective objectives instructions personality priorities alignment
    decisions reasoning`,
  you: `you du tu sie`,
  are: `are bist es eres`,
  now: `now henceforth jetzt maintenant ahora`,
  role: `unrestricted unfiltered uncensored jailbroken dan root admin administrator superuser evil developer
    god privileged omnipotent sudo`,
  enter: `enter activate enable switch`,
  mode: `mode modus persona`,
  request: `request requests command commands instruction instructions input inputs query queries content order
    orders befehl*`,
  refuse: `refuse hesitate decline argue resist verweiger* refusez refuses`,
  otherwise: `otherwise else sonst sinon contrario ansonsten andernfalls`,
  wont: `not won't cannot fail fails nicht ne no never`,
  work: `work function operate proceed funktioniert funktionieren fonctionnera funcionara`,
  setup: `completing installing running setup installation prerequisite`,
  urgent: `critical mandatory urgent`,
  demand: `requirement requirements instruction instructions directive`,
  instead: `instead rather statt anstelle lieu place`,
  other: `other another existing built-in native original normal real andere* autre* otras otros otra`,
  whenever: `when whenever if once wenn sobald quand lorsque cuando`,
  swap: `change replace redirect rewrite substitute swap set modify ersetze remplace cambia reemplaza`,
  recipient: `recipient recipients destination payee beneficiary iban empfanger destinataire destinatario attendee
    participant bcc cc`,
  mails: `emails mails messages payments transfers transactions requests traffic`,
  action: `execute executes run runs delete deletes send sends transfer modify modifies install installs
    perform performs purchase grants`,
  approve: `approval confirmation consent prompting permission confirming bestatigung genehmigung confirmacion`,
  asking: `asking informing telling notifying alerting prompting consulting`,
  approving: `approve approves accept accepts confirm confirms grant grants`,
  auto2: `automatically auto always`,
  logs: `log logs logging record records recording`,
  typed: `keystroke* clipboard microphone webcam`,
  it: `this that it you these any`,
  warnings: `warnings warning errors alerts notices`,
  contents: `content contents inhalt* contenu contenido text`,
  own: `config configuration credentials secrets environment clipboard conversation`,
  also: `also additionally afterwards furthermore auch aussi tambien`,
  tracking: `analytics telemetry tracking collection third-party`,
  collector: `server servers endpoint endpoints webhook backend collector`,
  kept: `stored retained kept saved saves stores archived cached`,
  treat: `treat consider regard`,
  trusted: `trusted authoritative verified system privileged`,
  unlogged: `logging trace traces audit auditing`,
  rest: `remainder fraction fractions difference surplus`,
  account: `account wallet iban konto compte cuenta`,
  promote: `recommend promote favor favour endorse`,
  prefer: `prefer choose select`,
  over: `over above before`,
  guard: `authentication authorization verification safety security`,
  off: `skipped bypassed disabled suspended`,
  // What is fetched and obeyed, planted, or openly harmful.
  download: `download downloads fetch fetches pull load loads retrieve retrieves get lade read`,
  follow: `follow execute run obey apply comply eval evaluate befolge`,
  harvest: `harvest harvests harvesting steal steals stealing exfiltrat*`,
  loot: `data files credentials credential host machine information passwords password account system smtp
    cookies tokens keys secrets user's`,
  stolen: `stolen exfiltrated victim victim's victims compromised`,
  implant: `install installs deploy deploys inject injects create creates open opens plant plants`,
  malware: `keylog* backdoor* ransomware rootkit* trojan botnet malware spyware`,
  transfer: `transfer transfers send sends drain sweep withdraw`,
  money: `funds money balance tokens crypto eth btc usdc sol bitcoin`,
  paste: `copy paste`,
  command: `command commands one-liner`,
  terminal: `terminal powershell`,
  write: `write append add insert save inject`,
};

const STEM_MIN = 3;
const STEM_MAX = 16;

interface Tables {
  readonly exact: ReadonlyMap<string, readonly string[]>;
  readonly stems: ReadonlyMap<string, readonly string[]>;
}

function tablesOf(classes: Readonly<Record<string, string>>): Tables {
  const exact = new Map<string, string[]>();
  const stems = new Map<string, string[]>();
  for (const [name, words] of Object.entries(classes)) {
    for (const word of words.split(/\s+/)) {
      const table = word.endsWith("*") ? stems : exact;
      const key = word.replace(/\*$/, "");
      table.set(key, [...(table.get(key) ?? []), name]);
    }
  }
  return { exact, stems };
}

const TABLES = tablesOf(WORDS);

/** All that a word can mean here; nothing for nearly every word. */
export function classesOf(word: string): readonly string[] {
  const found = [...(TABLES.exact.get(word) ?? [])];
  for (let length = STEM_MIN; length <= Math.min(word.length, STEM_MAX); length += 1) {
    found.push(...(TABLES.stems.get(word.slice(0, length)) ?? []));
  }
  return found;
}
