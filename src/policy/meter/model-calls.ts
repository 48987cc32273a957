/** Which requests a model answers for money. Methods and paths of the four formats; at a known service also every other POST that may cost
 *  something, so that a call cannot hide behind a spelling of its path. */

/** Hosts of services that sell models by the token. Where one is reached unread, its tokens cannot be counted. */
const MODEL_HOSTS: readonly string[] = [
  'api.anthropic.com',
  'api.openai.com',
  'chatgpt.com',
  'generativelanguage.googleapis.com',
  'aiplatform.googleapis.com',
  'openrouter.ai',
  'api.mistral.ai',
  'api.deepseek.com',
  'api.x.ai',
  'api.groq.com',
  'api.cohere.com',
  'api.together.xyz',
  'api.fireworks.ai',
];

const CALL =
  /(?:\/v1\/messages|\/chat\/completions|\/completions|\/responses|\/embeddings|:(?:streamGenerateContent|generateContent|embedContent|batchEmbedContents|rawPredict|streamRawPredict))$/;
/** At a known service, where its API is. */
const API = /^\/+(?:api\/)?v[0-9][a-z0-9]*\//;
/** And what costs no tokens there. */
const FREE = /(?:\/count_tokens|:countTokens|\/input_tokens|\/files|\/token)$|\/(?:uploads|vector_stores)\//;

export function isModelHost(host: string): boolean {
  return MODEL_HOSTS.includes(host) || /(?:^|[.-])aiplatform\.googleapis\.com$/.test(host);
}

/** @param path  without query, as sent. @returns whether tokens are expected in its answer */
export function isModelCall(method: string, host: string, path: string): boolean {
  if (method !== 'POST') return false;
  const plain = decoded(path).replace(/\/+$/, '');
  return CALL.test(plain) || (isModelHost(host) && API.test(plain) && !FREE.test(plain));
}

/** Gemini names the model in the path: /v1beta/models/NAME:generateContent. */
export function modelInPath(path: string): string | undefined {
  return /\/models\/([A-Za-z0-9][A-Za-z0-9._-]{0,99}):[A-Za-z]+$/.exec(decoded(path))?.[1];
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path).replace(/\/{2,}/g, '/');
  } catch {
    return path;
  }
}
