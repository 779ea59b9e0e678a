// An OpenID Connect provider for tests: oidc-provider with its own login form, which lets anybody in.
// Who signs in as `ada+sre+dev` is Ada in the groups sre and dev. A test can have it do what a provider
// must not: post JSON to /test/…
//
// Environment: PORT (0 for any), REDIRECT_URI, ID_TOKEN_CLAIMS=all to put every claim into ID tokens.
// It prints its issuer on the first line, and ends when its standard input does.

import { createServer } from 'node:http';
import * as jose from 'jose';
import Provider from 'oidc-provider';

let ahead = 0; // By how much its clock goes wrong, in milliseconds.
const now = Date.now;
Date.now = () => now() + ahead;

let forgery = null; // What the next ID token says instead.
let key;

async function freshKey() {
  const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
  const kid = `k-${now()}-${Math.floor(Math.random() * 1e6)}`;
  return { jwk: { ...(await jose.exportJWK(privateKey)), kid, use: 'sig', alg: 'RS256' }, privateKey };
}

function account(_, id) {
  const [name, ...groups] = id.split('+');
  const claims = { sub: id, preferred_username: name, email: `${name}@acme.example`, groups };
  return { accountId: id, claims: () => claims };
}

async function forged(token) {
  const { key: whose, alg = 'RS256', ...claims } = forgery;
  forgery = null;
  const all = { ...jose.decodeJwt(token), ...claims };
  for (const name of Object.keys(all)) if (all[name] === null) delete all[name];
  if (alg === 'none') return new jose.UnsecuredJWT(all).encode();
  if (alg === 'HS256') {
    const secret = new TextEncoder().encode('a secret that both sides know of');
    return new jose.SignJWT(all).setProtectedHeader({ alg }).sign(secret);
  }
  const { jwk, privateKey } = whose === 'other' ? await freshKey() : key;
  return new jose.SignJWT(all).setProtectedHeader({ alg, kid: jwk.kid }).sign(privateKey);
}

function provider(issuer) {
  const made = new Provider(issuer, {
    clients: [{
      client_id: 'pts',
      client_secret: 'a secret that both sides know of',
      redirect_uris: [process.env.REDIRECT_URI],
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
    }],
    claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email'], groups: ['groups'] },
    conformIdTokenClaims: process.env.ID_TOKEN_CLAIMS !== 'all',
    cookies: { keys: ['a key for tests'] },
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    findAccount: account,
    jwks: { keys: [key.jwk] },
    pkce: { required: () => true, methods: ['S256'] },
    ttl: { DeviceCode: 600, IdToken: 600 },
  });
  made.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'token' && forgery && ctx.body?.id_token) {
      ctx.body = { ...ctx.body, id_token: await forged(ctx.body.id_token) };
    }
  });
  return made.callback();
}

async function told(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}

key = await freshKey();
let serve;
let issuer;
const server = createServer(async (request, response) => {
  switch (request.url) {
    case '/test/forge':
      forgery = await told(request);
      break;
    case '/test/clock':
      ahead = (await told(request)).ahead_s * 1000;
      break;
    case '/test/rotate':
      key = await freshKey();
      serve = provider(issuer);
      break;
    default:
      serve(request, response);
      return;
  }
  response.end();
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  serve = provider(issuer);
  console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
