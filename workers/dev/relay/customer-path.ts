/** The path of a customer; whatever was typed stays one segment. */
export function customerPath(organizationId: string): string {
  return `/customers/${encodeURIComponent(organizationId)}`
}
