import { type Translation } from './translation.js';

export const french: Translation = {
  title: 'Autorité de jetons Aspose.Cells Cloud',
  description:
    'Jetons d’accès pour Aspose.Cells Cloud : réutilisés, renouvelés avant leur expiration, à l’abri des blocages.',
  basicScheme: 'Le Client ID comme nom d’utilisateur, le Client Secret comme mot de passe.',
  tag: 'Jetons d’accès',
  summary: 'Obtenir un jeton d’accès',
  operation:
    'Échange un Client ID et un Client Secret contre un jeton d’accès Aspose Cloud. Envoyez-les dans le corps, par HTTP ' +
    'Basic (« Authorize ») ou, comme publié à l’origine, dans la chaîne de requête : les URL finissent dans les journaux ' +
    'de chaque serveur et proxy traversé, et dans les historiques ; cette forme n’est donc là que pour la compatibilité. ' +
    'N’utilisez qu’une seule forme à la fois.',
  queryClientId: 'Le Client ID, comme publié à l’origine. Mieux vaut l’envoyer dans le corps.',
  queryClientSecret:
    'Le Client Secret, comme publié à l’origine. Mieux vaut l’envoyer dans le corps : les URL sont journalisées et ' +
    'conservées dans les historiques, et le secret avec elles.',
  grantType: 'Le type d’autorisation. Absent ou vide, il vaut client_credentials.',
  clientId: 'Le Client ID de votre application, fourni par le tableau de bord Aspose Cloud. À omettre avec HTTP Basic.',
  clientSecret: 'Le Client Secret de votre application. À omettre avec HTTP Basic.',
  scope: 'Portées séparées par des espaces, transmises au serveur d’autorisation.',
  accessToken:
    'Le jeton d’accès. Envoyez-le sous la forme « Authorization: Bearer <token> » à chaque appel de l’API Cells.',
  tokenType: 'Le mode d’utilisation du jeton ; Aspose Cloud émet des jetons de type bearer.',
  expiresIn: 'Durée de validité restante du jeton, en secondes, à compter de cette réponse.',
  errorCode: 'Le code d’erreur.',
  errorDescription: 'Ce qui n’a pas fonctionné, en clair.',
  errorMessage:
    'La même description : certains SDK n’affichent rien d’autre. Absent des erreurs relayées depuis le serveur ' +
    'd’autorisation.',
  retryAfter: 'Nombre de secondes après lequel un nouvel essai a un sens.',
  ok: 'La réponse du serveur d’autorisation, avec le jeton.',
  badRequest: 'La requête est mal formée, ou ses identifiants ont été refusés.',
  unauthorized: 'Les identifiants de l’en-tête Authorization ont été refusés.',
  payloadTooLarge: 'Le corps dépasse 16 Kio.',
  unsupportedMediaType: 'Le corps porte un Content-Encoding.',
  tooManyRequests: 'Ces identifiants, ou celui qui cherche à les deviner, sont ralentis.',
  badGateway: 'Le serveur d’autorisation n’a pas donné de réponse exploitable.',
  serviceUnavailable: 'Le serveur d’autorisation est défaillant, ou trop de requêtes l’attendent.',
  gatewayTimeout: 'Le serveur d’autorisation n’a pas répondu à temps.',
};
