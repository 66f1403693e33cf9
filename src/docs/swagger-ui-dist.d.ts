/** The folder with Swagger UI's files; its package has no types. */
declare module 'swagger-ui-dist/absolute-path.js' {
  export default function absolutePath(): string;
}
