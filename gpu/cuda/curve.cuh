// G1 of BN254, y² = x³ + 3: affine points and sums in extended Jacobian coordinates.
//
//   (X, Y, ZZ, ZZZ) is (X/ZZ, Y/ZZZ), ZZ³ = ZZZ²; the identity has ZZ = 0, as an affine point x = y = 0.
//   Formulas madd-2008-s, add-2008-s, dbl-2008-s-1, mdbl-2008-s-1 of <https://hyperelliptic.org/EFD/g1p/auto-shortw-xyzz.html>.
#pragma once

#include "field.cuh"

namespace sworn {

struct Affine {
    Fq x, y;

    SWORN_BOTH bool is_identity() const { return x.is_zero() && y.is_zero(); }
};

struct Point {
    Fq x, y, zz, zzz;

    SWORN_BOTH static Point identity() { return Point{Fq::zero(), Fq::zero(), Fq::zero(), Fq::zero()}; }
    SWORN_BOTH bool is_identity() const { return zz.is_zero(); }

    SWORN_BOTH Point doubled() const {
        if (is_identity()) return *this;
        const Fq u = y + y, v = u.squared(), w = u * v, s = x * v, x2 = x.squared(), m = x2 + x2 + x2;
        Point sum;
        sum.x = m.squared() - (s + s);
        sum.y = m * (s - sum.x) - w * y;
        sum.zz = v * zz;
        sum.zzz = w * zzz;
        return sum;
    }

    // this += (−1)^negative · q.
    SWORN_BOTH void add(const Affine& q, bool negative) {
        if (q.is_identity()) return;
        const Fq qy = negative ? q.y.negated() : q.y;
        if (is_identity()) {
            *this = Point{q.x, qy, Fq::one(), Fq::one()};
            return;
        }
        finish(x, y, q.x * zz - x, qy * zzz - y, zz, zzz, Point{q.x, qy, Fq::one(), Fq::one()});
    }

    // this += q.
    SWORN_BOTH void add(const Point& q) {
        if (q.is_identity()) return;
        if (is_identity()) {
            *this = q;
            return;
        }
        const Fq u1 = x * q.zz, s1 = y * q.zzz;
        finish(u1, s1, q.x * zz - u1, q.y * zzz - s1, zz * q.zz, zzz * q.zzz, q);
    }

    // factor · this.
    SWORN_BOTH Point times(uint32_t factor) const {
        Point sum = identity();
        for (int bit = 31; bit >= 0; bit--) {
            sum = sum.doubled();
            if (factor >> bit & 1) sum.add(*this);
        }
        return sum;
    }

private:
    // The end of both additions: u1, s1 are this point's coordinates over the common denominators d2, d3, and p, r the
    // differences of q's to them.
    SWORN_BOTH void finish(const Fq& u1, const Fq& s1, const Fq& p, const Fq& r, const Fq& d2, const Fq& d3, const Point& q) {
        if (p.is_zero()) {
            *this = r.is_zero() ? q.doubled() : identity();
            return;
        }
        const Fq pp = p.squared(), ppp = p * pp, v = u1 * pp;
        const Fq sum = r.squared() - ppp - (v + v);
        y = r * (v - sum) - s1 * ppp;
        x = sum;
        zz = d2 * pp;
        zzz = d3 * ppp;
    }
};

}  // namespace sworn
