/** The folder of Swagger UI's files, of which its package has no types. */
declare module 'swagger-ui-dist/absolute-path.js' {
  export default function absolutePath(): string;
}
