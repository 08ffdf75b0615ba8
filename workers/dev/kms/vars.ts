import { localHost, type Ports } from '../ports.ts'
import { kmsCredentials, kmsKeys, kmsRegion } from './well-known.ts'

/** The variables of a Worker that wraps its data encryption keys by the scripted KMS of the stack on `ports`. */
export function kmsVars(ports: Pick<Ports, 'kms'>): Record<string, string> {
  return {
    KMS_PROVIDER: 'aws',
    KMS_KEY_ID: kmsKeys.first.arn,
    AWS_REGION: kmsRegion,
    AWS_ACCESS_KEY_ID: kmsCredentials.lasting.accessKeyId,
    AWS_SECRET_ACCESS_KEY: kmsCredentials.lasting.secretAccessKey,
    KMS_ENDPOINT: `http://${localHost}:${ports.kms}`,
  }
}
