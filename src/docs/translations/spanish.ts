import { type Translation } from './english.js';

export const spanish: Translation = {
  title: 'Servicio de tokens de Aspose.Cells Cloud',
  description:
    'Tokens de acceso para Aspose.Cells Cloud: se reutilizan, se renuevan antes de caducar y quedan a salvo de ' +
    'los bloqueos.',
  basicScheme: 'El Client ID como nombre de usuario y el Client Secret como contraseña.',
  tag: 'Tokens de acceso',
  summary: 'Obtener un token de acceso',
  operation:
    'Obtiene un token de acceso de Aspose Cloud para un Client ID y un Client Secret. La operación actúa como ' +
    'proxy: reenvía la petición al servidor de autenticación de Aspose Cloud y devuelve el token de forma segura. ' +
    'Un token válido se reutiliza. Envíe las credenciales de una sola forma: en el cuerpo (recomendado), con HTTP ' +
    'Basic («Authorize») o, tal como se publicó, en la cadena de consulta. Los servidores y proxies registran las ' +
    'URL y los navegadores las guardan en su historial; use la cadena de consulta solo si no tiene otra opción.',
  queryClientId: 'El Client ID, tal como se publicó. Es preferible el cuerpo.',
  queryClientSecret:
    'El Client Secret, tal como se publicó. Es preferible el cuerpo: las URL se registran y se guardan en los ' +
    'historiales, y el secreto con ellas.',
  grantType: 'El tipo de concesión: client_credentials, que es también el valor predeterminado.',
  clientId: 'El Client ID de su aplicación, del panel de Aspose Cloud. Se omite con HTTP Basic.',
  clientSecret: 'El Client Secret de su aplicación. Se omite con HTTP Basic.',
  scope: 'Ámbitos separados por espacios, que se reenvían al servidor de autorización.',
  accessToken: 'El token de acceso. Envíelo como «Authorization: Bearer <token>» en cada llamada a la API de Cells.',
  tokenType: 'Cómo se usa el token. Aspose Cloud emite tokens de tipo bearer.',
  expiresIn: 'Los segundos durante los que el token sigue siendo válido, contados desde esta respuesta.',
  errorCode: 'El código de error de OAuth.',
  errorDescription: 'Qué ha fallado.',
  errorMessage:
    'La descripción otra vez, para los SDK que no muestran nada más. Los errores del servidor de autorización no ' +
    'la llevan.',
  retryAfter: 'El número de segundos que hay que esperar antes de volver a intentarlo.',
  ok: 'La respuesta del servidor de autorización, con el token.',
  badRequest: 'La petición está mal formada o se han rechazado sus credenciales.',
  unauthorized: 'Se han rechazado las credenciales de la cabecera Authorization.',
  forbidden: 'Lo pide una página de otro origen, que no puede hacerlo.',
  requestTimeout: 'El cuerpo no ha llegado en 10 segundos.',
  payloadTooLarge: 'El cuerpo supera los 16 KiB.',
  unsupportedMediaType: 'El cuerpo lleva una Content-Encoding.',
  tooManyRequests:
    'Demasiados intentos fallidos con estas credenciales o desde este cliente; se limitan las peticiones.',
  headersTooLarge: 'La URL y las cabeceras superan los 16 KiB.',
  badGateway: 'El servidor de autorización no ha dado una respuesta utilizable.',
  serviceUnavailable: 'El servidor de autorización está fallando o hay demasiadas peticiones esperándolo.',
  gatewayTimeout: 'El servidor de autorización no ha respondido a tiempo.',
};
