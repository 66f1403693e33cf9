import { type ValidationArguments, ValidatorConstraint, type ValidatorConstraintInterface } from 'class-validator';
import { TokenUrlConstraint } from '../cells-authority/authorization-server/token-url.js';

/** `off`, or an origin that may be sent tokens: HTTPS anywhere, plain HTTP to this very machine only. */
@ValidatorConstraint({ name: 'isCellsApiUrl' })
export class CellsApiUrlConstraint implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return value === 'off' || (new TokenUrlConstraint().validate(value) && isOrigin(String(value)));
  }

  defaultMessage({ property }: ValidationArguments): string {
    return `${property} must be off, or an https:// origin, or http:// to a loopback address, without path, query, user or password`;
  }
}

function isOrigin(text: string): boolean {
  const { pathname, search } = new URL(text);
  return pathname === '/' && search === '';
}
