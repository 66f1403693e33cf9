import { type Translation } from './english.js';

export const italian: Translation = {
  title: 'Servizio di token per Aspose.Cells Cloud',
  description:
    'Token di accesso per Aspose.Cells Cloud: riutilizzati, rinnovati prima della scadenza e protetti dai blocchi.',
  basicScheme: 'Il Client ID come nome utente, il Client Secret come password.',
  tag: 'Token di accesso',
  summary: 'Ottenere un token di accesso',
  operation:
    'Ottiene un token di accesso di Aspose Cloud per un Client ID e un Client Secret. L’operazione funge da ' +
    'proxy: inoltra la richiesta al server di autenticazione di Aspose Cloud e restituisce il token in modo ' +
    'sicuro. Un token valido viene riutilizzato. Invia le credenziali in un solo modo: nel corpo (consigliato), ' +
    'con HTTP Basic («Authorize») oppure, come pubblicato, nella query string. I server e i proxy registrano gli ' +
    'URL nei log e i browser li conservano nella cronologia: usa quindi la query string solo se non hai ' +
    'alternative.',
  queryClientId: 'Il Client ID, come pubblicato. Preferisci il corpo.',
  queryClientSecret:
    'Il Client Secret, come pubblicato. Preferisci il corpo: gli URL vengono registrati nei log e conservati ' +
    'nelle cronologie, e il segreto con loro.',
  grantType: 'Il tipo di concessione: client_credentials, che è anche il valore predefinito.',
  clientId: 'Il Client ID della tua applicazione, dalla dashboard di Aspose Cloud. Da omettere con HTTP Basic.',
  clientSecret: 'Il Client Secret della tua applicazione. Da omettere con HTTP Basic.',
  scope: 'Ambiti separati da spazi, inoltrati al server di autorizzazione.',
  accessToken: 'Il token di accesso. Invialo come «Authorization: Bearer <token>» a ogni chiamata dell’API Cells.',
  tokenType: 'Come si usa il token. Aspose Cloud emette token di tipo bearer.',
  expiresIn: 'I secondi per cui il token resta valido, contati da questa risposta.',
  errorCode: 'Il codice di errore OAuth.',
  errorDescription: 'Che cosa è andato storto.',
  errorMessage:
    'Di nuovo la descrizione, per gli SDK che non mostrano altro. Gli errori del server di autorizzazione non la ' +
    'contengono.',
  retryAfter: 'Il numero di secondi da attendere prima di riprovare.',
  ok: 'La risposta del server di autorizzazione, con il token.',
  badRequest: 'La richiesta è malformata oppure le sue credenziali sono state rifiutate.',
  unauthorized: 'Le credenziali dell’intestazione Authorization sono state rifiutate.',
  forbidden: 'La richiesta viene da una pagina di un’altra origine, che non è autorizzata.',
  requestTimeout: 'Il corpo non è arrivato entro 10 secondi.',
  payloadTooLarge: 'Il corpo supera i 16 KiB.',
  unsupportedMediaType: 'Il corpo ha una Content-Encoding.',
  tooManyRequests: 'Troppi tentativi falliti con queste credenziali o da questo client; le richieste vengono limitate.',
  headersTooLarge: 'L’URL e le intestazioni superano i 16 KiB.',
  badGateway: 'Il server di autorizzazione non ha dato una risposta utilizzabile.',
  serviceUnavailable: 'Il server di autorizzazione non funziona, o troppe richieste lo stanno aspettando.',
  gatewayTimeout: 'Il server di autorizzazione non ha risposto in tempo.',
};
