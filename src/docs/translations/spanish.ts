import { type Translation } from './translation.js';

export const spanish: Translation = {
  title: 'Autoridad de tokens de Aspose.Cells Cloud',
  description:
    'Tokens de acceso para Aspose.Cells Cloud: se reutilizan, se renuevan antes de caducar y evitan los bloqueos.',
  basicScheme: 'El Client ID como nombre de usuario y el Client Secret como contraseña.',
  tag: 'Tokens de acceso',
  summary: 'Obtener un token de acceso',
  operation:
    'Cambia un Client ID y un Client Secret por un token de acceso de Aspose Cloud. Envíelos en el cuerpo, con HTTP ' +
    'Basic («Authorize») o, tal como se publicó originalmente, en la cadena de consulta: las URL acaban en los registros ' +
    'de cada servidor y proxy del camino, y en los historiales, así que la consulta se mantiene solo por compatibilidad. ' +
    'Utilice una sola forma.',
  queryClientId: 'El Client ID, tal como se publicó originalmente. Es mejor enviarlo en el cuerpo.',
  queryClientSecret:
    'El Client Secret, tal como se publicó originalmente. Es mejor enviarlo en el cuerpo: las URL se registran y se ' +
    'guardan en los historiales, y el secreto con ellas.',
  grantType: 'El tipo de concesión. Si falta o está vacío, se entiende client_credentials.',
  clientId: 'El Client ID de su aplicación, del panel de Aspose Cloud. Se omite con HTTP Basic.',
  clientSecret: 'El Client Secret de su aplicación. Se omite con HTTP Basic.',
  scope: 'Ámbitos separados por espacios, que se reenvían al servidor de autorización.',
  accessToken:
    'El token de acceso. Envíelo como «Authorization: Bearer <token>» en cada llamada a la API de Aspose.Cells.',
  tokenType: 'Cómo se usa el token; Aspose Cloud emite tokens de tipo bearer.',
  expiresIn: 'Segundos de validez que le quedan al token, contados desde esta respuesta.',
  errorCode: 'El código de error.',
  errorDescription: 'Qué ha fallado, explicado para personas.',
  errorMessage:
    'La misma descripción otra vez: algunos SDK no muestran nada más. No aparece en los errores que se retransmiten del ' +
    'servidor de autorización.',
  retryAfter: 'Segundos tras los cuales tiene sentido volver a intentarlo.',
  ok: 'La respuesta del servidor de autorización, con el token.',
  badRequest: 'La petición está mal formada o se han rechazado sus credenciales.',
  unauthorized: 'Se han rechazado las credenciales de la cabecera Authorization.',
  payloadTooLarge: 'El cuerpo supera los 16 KiB.',
  unsupportedMediaType: 'El cuerpo lleva una Content-Encoding.',
  tooManyRequests: 'Se está frenando el uso de estas credenciales, o a quien intenta adivinarlas.',
  badGateway: 'El servidor de autorización no ha dado una respuesta utilizable.',
  serviceUnavailable: 'El servidor de autorización está fallando o hay demasiadas peticiones esperándolo.',
  gatewayTimeout: 'El servidor de autorización no ha respondido a tiempo.',
};
