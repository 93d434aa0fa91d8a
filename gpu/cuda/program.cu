// Straight-line programs over columns, interpreted row by row.
//
//   words     for each step: register, number of products, number of summands, pairs of operands, operands;
//             behind the last step the operands of the outputs
//   operand   kind << 30 | index: 0 a slot, 1 a scalar, 2 a register
//
// Every thread runs the same words, so branches do not diverge. Registers lie in workspace, those of neighbouring threads side
// by side; a thread takes several rows so that the workspace has a size of the device's and not of the column's.
#include "operations.cuh"

namespace sworn {
namespace {

struct Evaluate {
    static constexpr uint32_t kThreads = 128;
    struct Shared {};

    const uint32_t* words;
    uint64_t num_words;  // of the steps
    uint64_t num_outputs;
    const Term* slots;
    const Fr* scalars;
    Fr* registers;
    Fr* const* outputs;
    uint64_t rows;

    SWORN_DEVICE Fr operand(uint32_t word, uint64_t row, const Fr* own, uint64_t threads) const {
        const uint32_t index = word & ((1u << 30) - 1);
        switch (word >> 30) {
            case 0: return slots[index].view.value(slots[index].view.rotate(row, slots[index].rotation));
            case 1: return scalars[index];
            default: return own[index * threads];
        }
    }

    SWORN_DEVICE void operator()(Block<Evaluate>& block) const {
        const uint64_t threads = uint64_t{block.blocks_x} * kThreads;
        block.for_threads([&](uint32_t t) {
            const uint64_t thread = uint64_t{block.x} * kThreads + t;
            Fr* own = registers + thread;
            for (uint64_t row = thread; row < rows; row += threads) {
                uint64_t at = 0;
                while (at < num_words) {
                    const uint32_t target = words[at], products = words[at + 1], summands = words[at + 2];
                    at += 3;
                    Fr sum = Fr::zero();
                    for (uint32_t i = 0; i < products; i++, at += 2) {
                        sum = sum + operand(words[at], row, own, threads) * operand(words[at + 1], row, own, threads);
                    }
                    for (uint32_t i = 0; i < summands; i++, at++) sum = sum + operand(words[at], row, own, threads);
                    own[target * threads] = sum;
                }
                for (uint64_t i = 0; i < num_outputs; i++) outputs[i][row] = operand(words[at + i], row, own, threads);
            }
        });
    }
};

void require_operand(uint32_t word, uint32_t registers, uint64_t slots, uint64_t scalars) {
    const uint64_t counts[4] = {slots, scalars, registers, 0};
    require((word & ((1u << 30) - 1)) < counts[word >> 30], "an operand of the program is not there");
}

}  // namespace

void require_program(const std::vector<uint32_t>& words, uint32_t registers, uint64_t slots, uint64_t scalars, uint64_t outputs) {
    require(outputs <= words.size(), "the program ends too early");
    const uint64_t end = words.size() - outputs;
    for (uint64_t at = 0; at < end;) {
        require(end - at >= 3, "the program ends too early");
        const uint64_t operands = uint64_t{2} * words[at + 1] + words[at + 2];
        require(words[at] < registers && operands <= end - at - 3, "a step of the program has no place for its result or its operands");
        for (uint64_t i = 0; i < operands; i++) require_operand(words[at + 3 + i], registers, slots, scalars);
        at += 3 + operands;
    }
    for (uint64_t i = end; i < words.size(); i++) require_operand(words[i], registers, slots, scalars);
}

std::vector<Column> evaluate(Context& context, const std::vector<uint32_t>& words, uint32_t registers, const std::vector<Term>& slots,
                             const std::vector<Fr>& scalars, uint64_t outputs, uint64_t rows) {
    constexpr uint64_t kBlocksPerProcessor = 8;
    std::vector<Column> columns;
    std::vector<Fr*> pointers;
    for (uint64_t i = 0; i < outputs; i++) {
        columns.push_back(Column(new sworn_column(context, rows)));
        pointers.push_back(columns.back()->fields.data());
    }
    const uint64_t most = context.processors() * kBlocksPerProcessor, needed = divide_up(rows, Evaluate::kThreads);
    const uint64_t blocks = needed < most ? needed : most;
    const Array<uint32_t> program(context, words);
    const Array<Term> uploaded(context, slots);
    const Array<Fr> constants(context, scalars), workspace(context, registers * blocks * Evaluate::kThreads);
    const Array<Fr*> out(context, pointers);
    context.launch(Evaluate{program.data(), words.size() - outputs, outputs, uploaded.data(), constants.data(), workspace.data(),
                            out.data(), rows},
                   blocks);
    return columns;
}

}  // namespace sworn
