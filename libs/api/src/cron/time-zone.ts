// Names of time zones, as the IANA database has them.

/**
 * Is there such a zone? The database is the one that the JavaScript engine brings. It takes any case and offsets like
 * `+01:00`; where zones are files, as in Kubernetes, neither is a name.
 */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z0-9_+-]*(?:\/[A-Z][A-Za-z0-9_+-]*)*$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
