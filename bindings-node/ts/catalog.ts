import { localRecord } from './names';
import { native } from './native';
import type { Kit, KitInfo } from './types';

/** Returns what this version knows of a kit: its purpose, limit and price. Undefined for a kit that it does not know. */
export function kitInfo(id: Kit): KitInfo | undefined {
  const { kits } = JSON.parse(native.catalog()) as { kits: { id: string }[] };
  const found = kits.find((kit) => kit.id === id);
  return found && (localRecord(found) as unknown as KitInfo);
}
