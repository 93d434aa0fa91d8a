// Running sums, affine scans and running products.
//
//   a row is an element of a monoid; the result of row r is the product of rows 0 … r (or of those before r):
//   sum         t                       t ∘ u = t + u
//   affine      (f, t): x -> f·x + t    (f, t) then (g, u) = (f·g, t·g + u)
//   product     f                       f ∘ g = f·g
//
// Three launches: the product of each tile of rows; the products of the tiles before each, by one block; the rows of each tile.
#include "operations.cuh"

namespace sworn {
namespace {

struct Sum {
    Fr t;

    SWORN_DEVICE static Sum identity() { return Sum{Fr::zero()}; }
    SWORN_DEVICE Sum then(const Sum& next) const { return Sum{t + next.t}; }
    SWORN_DEVICE static Sum load(const View&, const View& term, uint64_t row) { return Sum{term.value(row)}; }
    SWORN_DEVICE static Fr result(const Fr&, const Sum&, const Sum& through) { return through.t; }
};

struct Linear {
    Fr f, t;

    SWORN_DEVICE static Linear identity() { return Linear{Fr::one(), Fr::zero()}; }
    SWORN_DEVICE Linear then(const Linear& next) const { return Linear{f * next.f, t * next.f + next.t}; }
    SWORN_DEVICE static Linear load(const View& factor, const View& term, uint64_t row) {
        return Linear{factor.value(row), term.value(row)};
    }
    // From acc[−1] = 0.
    SWORN_DEVICE static Fr result(const Fr&, const Linear&, const Linear& through) { return through.t; }
};

struct Product {
    Fr f;

    SWORN_DEVICE static Product identity() { return Product{Fr::one()}; }
    SWORN_DEVICE Product then(const Product& next) const { return Product{f * next.f}; }
    SWORN_DEVICE static Product load(const View& factor, const View&, uint64_t row) { return Product{factor.value(row)}; }
    SWORN_DEVICE static Fr result(const Fr& initial, const Product& before, const Product&) { return initial * before.f; }
};

constexpr uint32_t kScanThreads = 128;
// Consecutive rows of a thread.
constexpr uint32_t kRun = 8;
constexpr uint64_t kTileRows = kScanThreads * kRun;

template <class M>
struct ScanShared {
    M own[2][kScanThreads];
};

// Makes own[t] the product of threads 0 … t [Hillis, Steele]; the answer is where the result lies.
template <class M, class B>
SWORN_DEVICE M* scan_block(B& block) {
    M *from = block.shared.own[0], *to = block.shared.own[1];
    for (uint32_t step = 1; step < kScanThreads; step *= 2) {
        block.for_threads([&](uint32_t t) { to[t] = t >= step ? from[t - step].then(from[t]) : from[t]; });
        M* swap = from;
        from = to;
        to = swap;
    }
    return from;
}

template <class M>
SWORN_DEVICE M fold_rows(const View& factor, const View& term, uint64_t first, uint64_t rows) {
    M product = M::identity();
    for (uint64_t row = first; row < first + kRun && row < rows; row++) product = product.then(M::load(factor, term, row));
    return product;
}

template <class M>
struct FoldTiles {
    static constexpr uint32_t kThreads = kScanThreads;
    typedef ScanShared<M> Shared;

    M* tiles;
    View factor, term;
    uint64_t rows;

    SWORN_DEVICE void operator()(Block<FoldTiles>& block) const {
        block.for_threads([&](uint32_t t) {
            block.shared.own[0][t] = fold_rows<M>(factor, term, block.x * kTileRows + uint64_t{t} * kRun, rows);
        });
        const M* scanned = scan_block<M>(block);
        block.for_threads([&](uint32_t t) {
            if (t == 0) tiles[block.x] = scanned[kThreads - 1];
        });
    }
};

// tiles[i] becomes the product of those before i, by one block.
template <class M>
struct ScanTiles {
    static constexpr uint32_t kThreads = kScanThreads;
    typedef ScanShared<M> Shared;

    M* tiles;
    uint64_t count;

    SWORN_DEVICE void operator()(Block<ScanTiles>& block) const {
        const uint64_t run = (count + kThreads - 1) / kThreads;
        block.for_threads([&](uint32_t t) {
            M product = M::identity();
            for (uint64_t i = t * run; i < (t + 1) * run && i < count; i++) product = product.then(tiles[i]);
            block.shared.own[0][t] = product;
        });
        const M* scanned = scan_block<M>(block);
        block.for_threads([&](uint32_t t) {
            M product = t > 0 ? scanned[t - 1] : M::identity();
            for (uint64_t i = t * run; i < (t + 1) * run && i < count; i++) {
                const M own = tiles[i];
                tiles[i] = product;
                product = product.then(own);
            }
        });
    }
};

template <class M>
struct WriteRows {
    static constexpr uint32_t kThreads = kScanThreads;
    typedef ScanShared<M> Shared;

    Fr* out;
    const M* tiles;
    View factor, term;
    uint64_t rows;
    Fr initial;

    SWORN_DEVICE void operator()(Block<WriteRows>& block) const {
        block.for_threads([&](uint32_t t) {
            block.shared.own[0][t] = fold_rows<M>(factor, term, block.x * kTileRows + uint64_t{t} * kRun, rows);
        });
        const M* scanned = scan_block<M>(block);
        block.for_threads([&](uint32_t t) {
            M before = t > 0 ? tiles[block.x].then(scanned[t - 1]) : tiles[block.x];
            const uint64_t first = block.x * kTileRows + uint64_t{t} * kRun;
            for (uint64_t row = first; row < first + kRun && row < rows; row++) {
                const M through = before.then(M::load(factor, term, row));
                out[row] = M::result(initial, before, through);
                before = through;
            }
        });
    }
};

template <class M>
Column scan_rows(Context& context, const View& factor, const View& term, uint64_t rows, const Fr& initial) {
    Column out(new sworn_column(context, rows));
    const uint64_t count = divide_up(rows, kTileRows);
    const Array<M> tiles(context, count);
    context.launch(FoldTiles<M>{tiles.data(), factor, term, rows}, count);
    context.launch(ScanTiles<M>{tiles.data(), count}, 1);
    context.launch(WriteRows<M>{out->fields.data(), tiles.data(), factor, term, rows, initial}, count);
    return out;
}

}  // namespace

Column scan(Context& context, const sworn_column* factor, const sworn_column& term) {
    if (factor) return scan_rows<Linear>(context, factor->view(), term.view(), term.rows, Fr::zero());
    return scan_rows<Sum>(context, term.view(), term.view(), term.rows, Fr::zero());
}

Column products(Context& context, const sworn_column& factors, const Fr& initial) {
    return scan_rows<Product>(context, factors.view(), factors.view(), factors.rows, initial);
}

}  // namespace sworn
