// Which answers the official SDK and the AI SDK's provider take: {call: {typescript, ai}}.
// `submits` and `polls` are the names of answers that the server behind `base` gives.
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { OpenRouter } from "@openrouter/sdk";

const { base, key, submits, polls } = JSON.parse(process.env.ARGUMENTS);
const { videoGeneration } = new OpenRouter({
  apiKey: key,
  serverURL: base,
  retryConfig: { strategy: "none" },
});

async function verdict(use) {
  try {
    await use();
    return "ok";
  } catch (error) {
    return `throws ${error.name}`;
  }
}

// The provider polls until an end; an answer without one is taken if it asks again.
async function ai(model, fetch) {
  const provider = createOpenRouter({ apiKey: key, baseURL: base, fetch });
  const video = provider.videoModel(model, { pollIntervalMs: 1, maxPollTimeMs: 30 });
  try {
    await video.doGenerate({ prompt: "a cat", n: 1, providerOptions: {} });
    return "ok";
  } catch (error) {
    if (/timed out after/.test(error.message)) return "keeps polling";
    if (error.url?.endsWith(`/videos/${model}`) && error.responseBody === undefined) return "ok";
    return `throws ${error.name}`;
  }
}

// The job is there already: only its polls go to the server.
function submittedAs(id) {
  return async (url, init) =>
    init?.method === "POST"
      ? Response.json({ id, polling_url: `${base}/videos/${id}`, status: "pending" })
      : fetch(url, init);
}

const verdicts = {};
for (const name of submits) {
  const request = { videoGenerationRequest: { model: `submit/${name}`, prompt: "a cat" } };
  verdicts[`submit/${name}`] = {
    typescript: await verdict(() => videoGeneration.generate(request)),
    ai: await ai(`submit/${name}`, fetch),
  };
}
for (const name of polls) {
  verdicts[`poll/${name}`] = {
    typescript: await verdict(() => videoGeneration.getGeneration({ jobId: name })),
    ai: await ai(name, submittedAs(name)),
  };
}
console.log(JSON.stringify(verdicts));
