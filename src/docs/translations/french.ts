import { type Translation } from './english.js';

export const french: Translation = {
  title: 'Service de jetons Aspose.Cells Cloud',
  description:
    'Jetons d’accès pour Aspose.Cells Cloud : réutilisés, renouvelés avant leur expiration et protégés des blocages.',
  basicScheme: 'Le Client ID comme nom d’utilisateur, le Client Secret comme mot de passe.',
  tag: 'Jetons d’accès',
  summary: 'Obtenir un jeton d’accès',
  operation:
    'Obtient un jeton d’accès Aspose Cloud pour un Client ID et un Client Secret. L’opération joue le rôle de ' +
    'proxy : elle transmet la requête au serveur d’authentification d’Aspose Cloud et renvoie le jeton de façon ' +
    'sécurisée. Un jeton valide est réutilisé. Envoyez les identifiants d’une seule façon : dans le corps ' +
    '(recommandé), par HTTP Basic (« Authorize ») ou, comme publié, dans la chaîne de requête. Les serveurs et ' +
    'les proxys journalisent les URL, et les navigateurs les gardent dans leur historique ; n’utilisez donc la ' +
    'chaîne de requête que si vous y êtes contraint.',
  queryClientId: 'Le Client ID, comme publié. Préférez le corps.',
  queryClientSecret:
    'Le Client Secret, comme publié. Préférez le corps : les URL sont journalisées et conservées dans les ' +
    'historiques, et le secret avec elles.',
  grantType: 'Le type d’autorisation : client_credentials, qui est aussi la valeur par défaut.',
  clientId:
    'Le Client ID de votre application, fourni par le tableau de bord d’Aspose Cloud. À omettre avec HTTP Basic.',
  clientSecret: 'Le Client Secret de votre application. À omettre avec HTTP Basic.',
  scope: 'Portées séparées par des espaces, transmises au serveur d’autorisation.',
  accessToken:
    'Le jeton d’accès. Envoyez-le sous la forme « Authorization: Bearer <token> » à chaque appel de l’API Cells.',
  tokenType: 'Le mode d’utilisation du jeton. Aspose Cloud émet des jetons de type bearer.',
  expiresIn: 'Le nombre de secondes pendant lesquelles le jeton reste valide, à compter de cette réponse.',
  errorCode: 'Le code d’erreur OAuth.',
  errorDescription: 'Ce qui s’est passé.',
  errorMessage:
    'La description à nouveau, pour les SDK qui n’affichent rien d’autre. Les erreurs du serveur d’autorisation ' +
    'ne l’ont pas.',
  retryAfter: 'Le nombre de secondes à attendre avant de réessayer.',
  ok: 'La réponse du serveur d’autorisation, avec le jeton.',
  badRequest: 'La requête est mal formée, ou ses identifiants ont été refusés.',
  unauthorized: 'Les identifiants de l’en-tête Authorization ont été refusés.',
  forbidden: 'La demande vient d’une page d’une autre origine, qui n’y a pas droit.',
  requestTimeout: 'Le corps n’est pas arrivé en 10 secondes.',
  payloadTooLarge: 'Le corps dépasse 16 Kio.',
  unsupportedMediaType: 'Le corps porte un Content-Encoding.',
  tooManyRequests:
    'Trop de tentatives ont échoué avec ces identifiants ou depuis ce client ; les requêtes sont limitées.',
  headersTooLarge: 'L’URL et les en-têtes dépassent 16 Kio.',
  badGateway: 'Le serveur d’autorisation n’a pas donné de réponse exploitable.',
  serviceUnavailable: 'Le serveur d’autorisation est défaillant, ou trop de requêtes l’attendent.',
  gatewayTimeout: 'Le serveur d’autorisation n’a pas répondu à temps.',
};
