// Submits by the official TypeScript SDK, all at once, with its own retries and timeouts.
import { OpenRouter } from "@openrouter/sdk";

const { base, key, requests } = JSON.parse(process.env.ARGUMENTS);
const { videoGeneration } = new OpenRouter({ apiKey: key, serverURL: base });

const submitted = await Promise.all(
  requests.map((request) => videoGeneration.generate({ videoGenerationRequest: request })),
);
console.log(JSON.stringify(submitted));
