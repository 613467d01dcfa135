"""Runs one prompt and prints the response: `python quickstart.py "Hello"`.

Reads `BUILDERAIKITS_API_KEY`, and `BUILDERAIKITS_BASE_URL` to use another server, such as the sandbox.
"""

import sys

from builderaikits import BuilderAIKits

prompt = sys.argv[1] if len(sys.argv) > 1 else "Say hello to a new user."

client = BuilderAIKits()
run = client.kits.run(kit="text-gen", input=prompt, config={"max_tokens": 500})

print(run.output.text)
print()
print(f"run        {run.id} ({run.status})")
print(f"tokens     {run.usage.input_tokens} in, {run.usage.output_tokens} out")
print(f"request    {run.response_metadata.request_id}")
print(f"elapsed    {run.response_metadata.elapsed:.4f} s, {run.response_metadata.attempts} attempt(s)")
