/** What the core knows of a client, without a request to the service. */

import { Failure } from './failure';
import { localRecord } from './names';
import type { Client } from './native';

/** Returns the answer with JavaScript's names and units, or the failure. */
export function query<Answer extends object>(client: Client, name: string, request = ''): Answer | Failure {
  const answer = client.query(name, request);
  return typeof answer === 'string' ? (localRecord(JSON.parse(answer) as object) as Answer) : Failure.fromRecord(answer);
}
