import { type Translation } from './translation.js';

export const italian: Translation = {
  title: 'Servizio di token per Aspose.Cells Cloud',
  description:
    'Token di accesso per Aspose.Cells Cloud: riutilizzati, rinnovati prima della scadenza e al riparo dai blocchi.',
  basicScheme: 'Il Client ID come nome utente, il Client Secret come password.',
  tag: 'Token di accesso',
  summary: 'Ottenere un token di accesso',
  operation:
    'Scambia un Client ID e un Client Secret con un token di accesso di Aspose Cloud. Inviali nel corpo, con HTTP Basic ' +
    '(«Authorize») oppure, come pubblicato in origine, nella query string: gli URL finiscono nei log di ogni server e ' +
    'proxy lungo il percorso e nelle cronologie, quindi questa forma resta solo per compatibilità. Usa una sola modalità.',
  queryClientId: 'Il Client ID, come pubblicato in origine. Meglio inviarlo nel corpo.',
  queryClientSecret:
    'Il Client Secret, come pubblicato in origine. Meglio inviarlo nel corpo: gli URL vengono registrati nei log e ' +
    'conservati nelle cronologie, e il segreto con loro.',
  grantType: 'Il tipo di concessione. Se assente o vuoto vale client_credentials.',
  clientId: 'Il Client ID della tua applicazione, dalla dashboard di Aspose Cloud. Da omettere con HTTP Basic.',
  clientSecret: 'Il Client Secret della tua applicazione. Da omettere con HTTP Basic.',
  scope: 'Ambiti (scope) separati da spazi, inoltrati al server di autorizzazione.',
  accessToken: 'Il token di accesso. Invialo come «Authorization: Bearer <token>» a ogni chiamata dell’API Cells.',
  tokenType: 'Come si usa il token; Aspose Cloud emette token di tipo bearer.',
  expiresIn: 'Secondi di validità residua del token, contati da questa risposta.',
  errorCode: 'Il codice di errore.',
  errorDescription: 'Che cosa è andato storto, spiegato alle persone.',
  errorMessage:
    'Di nuovo la descrizione: alcuni SDK non mostrano altro. Assente negli errori inoltrati dal server di autorizzazione.',
  retryAfter: 'Secondi dopo i quali ha senso riprovare.',
  ok: 'La risposta del server di autorizzazione, con il token.',
  badRequest: 'La richiesta è malformata oppure le sue credenziali sono state rifiutate.',
  unauthorized: 'Le credenziali dell’intestazione Authorization sono state rifiutate.',
  payloadTooLarge: 'Il corpo supera i 16 KiB.',
  unsupportedMediaType: 'Il corpo ha una Content-Encoding.',
  tooManyRequests: 'Le credenziali, o chi cerca di indovinarle, vengono rallentate.',
  badGateway: 'Il server di autorizzazione non ha dato una risposta utilizzabile.',
  serviceUnavailable: 'Il server di autorizzazione non funziona, o troppe richieste lo stanno aspettando.',
  gatewayTimeout: 'Il server di autorizzazione non ha risposto in tempo.',
};
