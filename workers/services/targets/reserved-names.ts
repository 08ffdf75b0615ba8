/** True for a name that is no public host, whatever a resolver says, and for one under which a cloud keeps its metadata. */
export function isReservedName(host: string): boolean {
  return reserved.some((name) => isUnder(host, name))
}

/** True for the domain itself and for whatever is below it. Both in lower case, without a dot at the end. */
export function isUnder(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

const reserved = [
  // IANA's registry of special-use domain names; the rest of it is below `arpa`. It also lists example.com, .net and .org, which are
  // served publicly and are left to the check of their addresses.
  ...['alt', 'arpa', 'example', 'invalid', 'local', 'localhost', 'onion', 'test'],
  // Set aside by ICANN for private use, and what RFC 6762 (appendix G) finds in private networks.
  ...['internal', 'intranet', 'private', 'corp', 'home', 'lan', 'localdomain'],
  // Names inside clusters; `cluster.local` is below `local`.
  ...['svc', 'cluster', 'pod', 'default', 'consul', 'docker', 'kubernetes'],
  // Metadata under public domains; Google's, Amazon's and Azure's other names are below `internal`.
  ...['metadata.goog', 'metadata.tencentyun.com', 'metadata.packet.net', 'metadata.platformequinix.com', 'metadata.cloud.ibm.com'],
]
