// The AI SDK with OpenRouter's provider: submits, polls, and fetches `unsigned_urls` without a key.
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { experimental_generateVideo as generateVideo } from "ai";

const { base, key, model, duration } = JSON.parse(process.env.ARGUMENTS);
const provider = createOpenRouter({ apiKey: key, baseURL: base });

// The SDK's own download refuses loopback addresses, so this one stands in: the same plain fetch.
async function download({ url }) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`download: ${answer.status}`);
  return {
    data: new Uint8Array(await answer.arrayBuffer()),
    mediaType: answer.headers.get("content-type"),
  };
}

const result = await generateVideo({
  model: provider.videoModel(model, { pollIntervalMs: 5 }),
  prompt: "a lighthouse",
  duration,
  download,
});
console.log(JSON.stringify({
  bytes: result.video.uint8Array.length,
  mediaType: result.video.mediaType,
  metadata: result.providerMetadata,
}));
