//! Products by `mulx` and two chains of carries: `adox` for lower halves, `adcx` for upper ones.
//!
//! [`Adx`] is proof of the instructions. The names of the five registers of t move by one each row, so that the division by 2^64 costs
//! nothing: the limb that becomes 0 is the next one's highest.
#![expect(unsafe_code, reason = "instructions that are detected at run time")]

use std::arch::asm;

use super::{Limbs, Multiplier, Prime};
use crate::cpu::Instructions;

/// Proof that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adx(());

impl Adx {
    /// Asks the processor, unless the instructions are not wanted; the standard library remembers the answer.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let found = Instructions::Adx.are_wanted() && is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("adx");
        found.then_some(Self(()))
    }
}

/// t += rdx·the four limbs at `from`; `$high` has the highest limb afterwards.
macro_rules! add_row {
    ($from:literal: $t0:literal, $t1:literal, $t2:literal, $t3:literal, $high:literal) => {
        concat!(
            // Clears both carries.
            "xor {x:e}, {x:e}\n",
            "mulx {y}, {x}, [{",
            $from,
            "}]\n",
            "adox {",
            $t0,
            "}, {x}\n adcx {",
            $t1,
            "}, {y}\n",
            "mulx {y}, {x}, [{",
            $from,
            "} + 8]\n",
            "adox {",
            $t1,
            "}, {x}\n adcx {",
            $t2,
            "}, {y}\n",
            "mulx {y}, {x}, [{",
            $from,
            "} + 16]\n",
            "adox {",
            $t2,
            "}, {x}\n adcx {",
            $t3,
            "}, {y}\n",
            "mulx {",
            $high,
            "}, {x}, [{",
            $from,
            "} + 24]\n",
            "adox {",
            $t3,
            "}, {x}\n mov {x:e}, 0\n",
            "adcx {",
            $high,
            "}, {x}\n adox {",
            $high,
            "}, {x}\n",
        )
    };
}

/// t += m·p for the m that clears the lowest limb.
macro_rules! reduce_row {
    ($t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
        concat!(
            "mov rdx, {inverse}\n imul rdx, {",
            $t0,
            "}\n",
            "xor {x:e}, {x:e}\n",
            "mulx {y}, {x}, [{p}]\n",
            "adox {",
            $t0,
            "}, {x}\n adcx {",
            $t1,
            "}, {y}\n",
            "mulx {y}, {x}, [{p} + 8]\n",
            "adox {",
            $t1,
            "}, {x}\n adcx {",
            $t2,
            "}, {y}\n",
            "mulx {y}, {x}, [{p} + 16]\n",
            "adox {",
            $t2,
            "}, {x}\n adcx {",
            $t3,
            "}, {y}\n",
            "mulx {y}, {x}, [{p} + 24]\n",
            "adox {",
            $t3,
            "}, {x}\n adcx {",
            $t4,
            "}, {y}\n",
            "mov {x:e}, 0\n adox {",
            $t4,
            "}, {x}\n",
        )
    };
}

/// The same where the highest limb is 0 before: it takes the register of the lowest.
macro_rules! reduce_low {
    ($t0:literal, $t1:literal, $t2:literal, $t3:literal) => {
        concat!("mov rdx, {inverse}\n imul rdx, {", $t0, "}\n", add_row!("p": $t0, $t1, $t2, $t3, $t0))
    };
}

impl Multiplier for Adx {
    #[inline(always)]
    fn mul_lazy<F: Prime>(self, a: &Limbs, b: &Limbs) -> Limbs {
        let p: &'static Limbs = const { &F::P };
        let mut t = [0; 4];
        // SAFETY: `self` is proof of the instructions; they read the twelve limbs and nothing else, and write registers alone.
        unsafe {
            asm!(
                "mov rdx, [{b}]",
                "mulx {r1}, {r0}, [{a}]",
                "mulx {r2}, {x}, [{a} + 8]",
                "add {r1}, {x}",
                "mulx {r3}, {x}, [{a} + 16]",
                "adc {r2}, {x}",
                "mulx {r4}, {x}, [{a} + 24]",
                "adc {r3}, {x}",
                "adc {r4}, 0",
                reduce_row!("r0", "r1", "r2", "r3", "r4"),
                "mov rdx, [{b} + 8]",
                add_row!("a": "r1", "r2", "r3", "r4", "r0"),
                reduce_row!("r1", "r2", "r3", "r4", "r0"),
                "mov rdx, [{b} + 16]",
                add_row!("a": "r2", "r3", "r4", "r0", "r1"),
                reduce_row!("r2", "r3", "r4", "r0", "r1"),
                "mov rdx, [{b} + 24]",
                add_row!("a": "r3", "r4", "r0", "r1", "r2"),
                reduce_row!("r3", "r4", "r0", "r1", "r2"),
                a = in(reg) a,
                b = in(reg) b,
                p = in(reg) p,
                inverse = in(reg) F::NEG_INV,
                r4 = out(reg) t[0],
                r0 = out(reg) t[1],
                r1 = out(reg) t[2],
                r2 = out(reg) t[3],
                r3 = out(reg) _,
                x = out(reg) _,
                y = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        t
    }

    #[inline(always)]
    fn square_lazy<F: Prime>(self, a: &Limbs) -> Limbs {
        let p: &'static Limbs = const { &F::P };
        let mut t = [0; 4];
        // SAFETY: as above, of eight limbs.
        unsafe {
            asm!(
                // Products of different limbs.
                "mov rdx, [{a}]",
                "mulx {w2}, {w1}, [{a} + 8]",
                "mulx {w3}, {x}, [{a} + 16]",
                "add {w2}, {x}",
                "mulx {w4}, {x}, [{a} + 24]",
                "adc {w3}, {x}",
                "adc {w4}, 0",
                "mov rdx, [{a} + 8]",
                "xor {x:e}, {x:e}",
                "mulx {y}, {x}, [{a} + 16]",
                "adox {w3}, {x}",
                "adcx {w4}, {y}",
                "mulx {w5}, {x}, [{a} + 24]",
                "adox {w4}, {x}",
                "mov {x:e}, 0",
                "adcx {w5}, {x}",
                "adox {w5}, {x}",
                "mov rdx, [{a} + 16]",
                "mulx {w6}, {x}, [{a} + 24]",
                "add {w5}, {x}",
                "adc {w6}, 0",
                // Twice, and the squares of limbs.
                "xor {w7:e}, {w7:e}",
                "mov rdx, [{a}]",
                "mulx {y}, {w0}, rdx",
                "adox {w1}, {w1}",
                "adcx {w1}, {y}",
                "mov rdx, [{a} + 8]",
                "mulx {y}, {x}, rdx",
                "adox {w2}, {w2}",
                "adcx {w2}, {x}",
                "adox {w3}, {w3}",
                "adcx {w3}, {y}",
                "mov rdx, [{a} + 16]",
                "mulx {y}, {x}, rdx",
                "adox {w4}, {w4}",
                "adcx {w4}, {x}",
                "adox {w5}, {w5}",
                "adcx {w5}, {y}",
                "mov rdx, [{a} + 24]",
                "mulx {y}, {x}, rdx",
                "adox {w6}, {w6}",
                "adcx {w6}, {x}",
                "adox {w7}, {w7}",
                "adcx {w7}, {y}",
                // The lower half becomes (w + m·p)/2^256 ≤ p, without the upper one.
                reduce_low!("w0", "w1", "w2", "w3"),
                reduce_low!("w1", "w2", "w3", "w0"),
                reduce_low!("w2", "w3", "w0", "w1"),
                reduce_low!("w3", "w0", "w1", "w2"),
                "add {w4}, {w0}",
                "adc {w5}, {w1}",
                "adc {w6}, {w2}",
                "adc {w7}, {w3}",
                a = in(reg) a,
                p = in(reg) p,
                inverse = const F::NEG_INV,
                w0 = out(reg) _,
                w1 = out(reg) _,
                w2 = out(reg) _,
                w3 = out(reg) _,
                w4 = out(reg) t[0],
                w5 = out(reg) t[1],
                w6 = out(reg) t[2],
                w7 = out(reg) t[3],
                x = out(reg) _,
                y = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        t
    }

    #[inline(always)]
    fn product(self, a: &Limbs, b: &Limbs) -> [u64; 8] {
        let mut w = [0; 8];
        // SAFETY: as above, of eight limbs.
        unsafe {
            asm!(
                "mov rdx, [{b}]",
                "mulx {w1}, {w0}, [{a}]",
                "mulx {w2}, {x}, [{a} + 8]",
                "add {w1}, {x}",
                "mulx {w3}, {x}, [{a} + 16]",
                "adc {w2}, {x}",
                "mulx {w4}, {x}, [{a} + 24]",
                "adc {w3}, {x}",
                "adc {w4}, 0",
                "mov rdx, [{b} + 8]",
                add_row!("a": "w1", "w2", "w3", "w4", "w5"),
                "mov rdx, [{b} + 16]",
                add_row!("a": "w2", "w3", "w4", "w5", "w6"),
                "mov rdx, [{b} + 24]",
                add_row!("a": "w3", "w4", "w5", "w6", "w7"),
                a = in(reg) a,
                b = in(reg) b,
                w0 = out(reg) w[0],
                w1 = out(reg) w[1],
                w2 = out(reg) w[2],
                w3 = out(reg) w[3],
                w4 = out(reg) w[4],
                w5 = out(reg) w[5],
                w6 = out(reg) w[6],
                w7 = out(reg) w[7],
                x = out(reg) _,
                y = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        w
    }
}
