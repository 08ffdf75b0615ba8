import { expect, test } from 'vitest'
import { signatureHeaders } from './signature.ts'

test('the known vector of Standard Webhooks is signed as it says', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  const expected = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  const at = new Date(1_614_265_330_999)
  expect(signatureHeaders([secret, secret], id, at, '{"test": 2432232314}')).toEqual({
    'webhook-id': id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': `${expected} ${expected}`,
  })
})
