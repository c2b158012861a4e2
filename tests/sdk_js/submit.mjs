// One submit by the official TypeScript SDK with its own retries and timeouts; then one poll.
import { OpenRouter } from "@openrouter/sdk";

const { base, key, request } = JSON.parse(process.env.ARGUMENTS);
const { videoGeneration } = new OpenRouter({ apiKey: key, serverURL: base });

const submitted = await videoGeneration.generate({ videoGenerationRequest: request });
const polled = await videoGeneration.getGeneration({ jobId: submitted.id });
console.log(JSON.stringify({ submitted, polled }));
