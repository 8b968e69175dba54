"""The few sentences that a driver reads at a station or on his phone, in the languages that we have."""

from typing import Final

from evouch.ocpi.model import DisplayText

__all__ = ["LANGUAGES", "text"]

_TEXTS: Final[dict[str, dict[str, str]]] = {
    "confirm": {
        "en": "Please confirm the start on your phone.",
        "de": "Bitte bestätigen Sie den Start auf Ihrem Telefon.",
        "fr": "Veuillez confirmer le démarrage sur votre téléphone.",
    },
    "notAllowed": {
        "en": "This vehicle does not start by itself here. Please use your card or app.",
        "de": "Dieses Fahrzeug startet hier nicht von selbst. Bitte nutzen Sie Karte oder App.",
        "fr": "Ce véhicule ne démarre pas seul ici. Veuillez utiliser votre carte ou l'application.",
    },
    "inactive": {
        "en": "Automatic charging is switched off for this vehicle.",
        "de": "Automatisches Laden ist für dieses Fahrzeug ausgeschaltet.",
        "fr": "La recharge automatique est désactivée pour ce véhicule.",
    },
    "contract": {
        "en": "Please look into your contract in the app.",
        "de": "Bitte sehen Sie in der App nach Ihrem Vertrag.",
        "fr": "Veuillez vérifier votre contrat dans l'application.",
    },
}
#: Languages that sentences are written in.
LANGUAGES: Final = tuple(_TEXTS["confirm"])


def text(name: str, language: str) -> DisplayText:
    """Return a sentence in a driver's language, in English where we do not have it (types §DisplayText)."""
    spoken = language[:2].lower()
    spoken = spoken if spoken in _TEXTS[name] else "en"
    return DisplayText(language=spoken, text=_TEXTS[name][spoken])
